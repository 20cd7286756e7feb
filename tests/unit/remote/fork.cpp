// A child of fork reads on, by connections of its own.

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/files.hpp"
#include "support/web_server.hpp"
#include "weightseal/io/remote_source.hpp"

using namespace weightseal;
using namespace weightseal::testing;

#ifndef WEIGHTSEAL_SANITIZED // what a child leaves behind on purpose is a leak to them

TEST_CASE("fork: parent and child both read on") {
    const Data object = patterned(3'000'000, 5);
    const WebServer server([&](const WebRequest& request, WebConnection& to) { to.answer_range(request, object); });
    const auto source = https_source(server.url());
    const auto is_right = [&] {
        Data read(object.size());
        source->read_at(0, read);
        return read == object;
    };
    CHECK(is_right());
    CHECK(in_child([&] { return is_right() && is_right() ? 0 : 1; }) == 0);
    CHECK(is_right());
}

#endif
