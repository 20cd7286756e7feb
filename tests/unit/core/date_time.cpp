// Dates and times of RFC 3339.

#include "core/date_time.hpp"
#include "support/catch.hpp"

using namespace weightseal;
using namespace std::chrono;

TEST_CASE("date and time: what is read") {
    const auto is = [](std::string_view text, sys_seconds seconds, nanoseconds fraction = nanoseconds(0)) {
        const auto time = parse_date_time(text);
        return time && time->seconds == seconds && time->fraction == fraction;
    };
    const sys_seconds noon = sys_days(2026y / 1 / 31) + 12h;
    CHECK(is("2026-01-31T12:00:00Z", noon));
    CHECK(is("2026-01-31t12:00:00z", noon));
    CHECK(is("2026-01-31 12:00:00+00:00", noon));
    CHECK(is("2026-01-31T14:30:00+02:30", noon));
    CHECK(is("2026-01-31T11:00:00.25-01:00", noon, 250ms));
    CHECK(is("2026-01-31T12:00:00.000000001999Z", noon, 1ns));
    CHECK(is("2026-01-31T11:59:60Z", noon));
    CHECK(is("0000-01-01T00:00:00Z", sys_days(0y / 1 / 1)));
    CHECK(is("9999-12-31T23:59:59Z", sys_days(9999y / 12 / 31) + 24h - 1s));
    CHECK(parse_date("2024-02-29") == sys_days(2024y / 2 / 29));
}

TEST_CASE("date and time: of years that nanoseconds can tell") {
    CHECK(parse_recent_time("1970-01-01T00:00:00.5Z") == sys_days(1970y / 1 / 1) + 500ms);
    CHECK(parse_recent_time("2200-12-31T23:59:59.999999999Z") == sys_days(2201y / 1 / 1) - 1ns);
    for (const char* other : {"1969-12-31T23:59:59Z", "1970-01-01T00:59:59+01:00", "2201-01-01T00:00:00Z",
                              "1013-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-31"})
        CHECK_FALSE(parse_recent_time(other));
}

TEST_CASE("date and time: what is none") {
    for (const char* bad : {"",
                            "2026-01-31",
                            "2026-01-31T12:00:00",
                            "2026-01-31T12:00Z",
                            "2026-01-31T24:00:00Z",
                            "2026-01-31T12:60:00Z",
                            "2026-01-31T12:00:61Z",
                            "2026-02-29T12:00:00Z",
                            "2026-13-01T12:00:00Z",
                            "2026-01-31X12:00:00Z",
                            "2026-01-31T12:00:00ZZ",
                            "2026-01-31T12:00:00+0100",
                            "2026-01-31T12:00:00+24:00",
                            "2026-01-31T12:00:00*01:00",
                            "2026-01-31T12:00:00+01:00Z",
                            "-026-01-31T12:00:00Z",
                            "2026-01-31T-1:00:00Z",
                            "2026-01-31T12:00:0",
                            "2026-01-31T12:00:00.",
                            "2026-01-31T12:00:00.5"})
        CHECK_FALSE(parse_date_time(bad));
    for (const char* bad : {"", "2026-1-31", "2026-01-32", "2026-00-10", "2026-01-00", "2026/01/31", "2026-01-31T",
                            "2026-01-3", "-026-01-31", "2026--1-31"})
        CHECK_FALSE(parse_date(bad));
}
