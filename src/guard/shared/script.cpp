#include "guard/shared/script.hpp"

#include "guard/ring.hpp"
#include "weightseal/core/error.hpp"
#include "weightseal/guard/limits.hpp"

#include <array>
#include <cmath>

namespace weightseal::guard {
namespace {

constexpr std::size_t question_fields = 9;
constexpr std::size_t answer_fields = 8;
constexpr double largest = 0x1p53; // doubles are exact up to here

// Only tests pass a time. The order of a question's and of an answer's fields is that of the structs.
static_assert(Ring::slots == 17, "the script counts with 17 sub-buckets");
constexpr std::string_view script = R"lua(
local HEADER, COUNTS, EPOCH = '<ddddd', '<ddddddddddddddddd', 68719476736
local now = tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local floor, take, pack = math.floor, struct.unpack, struct.pack
local questions, value = ARGV[1], redis.call('GET', KEYS[1])

-- The usual question, answered as below without what it does not need: one window, which has room, in a sub-bucket
-- that runs already, and nothing to correct.
if #KEYS == 1 then
  local length, limit, need, want, owed, _, back, _, excess = take('<ddddddddd', questions)
  local bucket = floor(now / length)
  if value and #value == 176 and owed + back + excess == 0 then
    local epoch, head, debt, used, running = take(HEADER, value)
    local granted = math.min(want, limit - used)
    if (bucket == head or bucket == head - 1) and debt <= math.max(0, head - 17) and granted >= need then
      if granted > 0 then
        used, running = used + granted, running + granted
        redis.call('SETRANGE', KEYS[1], 0, pack(HEADER, epoch, head, debt, used, running))
      end
      return pack('<dddddddd', epoch * EPOCH + head, granted, 0, used, -1, 0,
        (head + 1) * length - now, (head + 17) * length - now)
    end
  end
end

local windows, admitted = {}, true

-- Counts by sub-bucket; most calls do without them, because the header has their sum.
local function ring_of(window)
  if not window.ring then
    window.ring = {take(COUNTS, window.value, 41)}
    window.ring[window.head % 17 + 1] = window.running
  end
  return window.ring
end

local function advance(window, bucket)
  local ring, head = ring_of(window), window.head
  if bucket > head then
    for gone = math.max(head + 1, bucket - 16), bucket do
      local at = gone % 17 + 1
      window.used, ring[at] = window.used - ring[at], 0
    end
  else
    local counts = {}
    for age = 0, 16 do counts[(bucket - age) % 17 + 1] = ring[(head - age) % 17 + 1] end
    window.ring, window.epoch, window.debt = counts, window.epoch + 1, window.debt - head + bucket
  end
  window.head, window.running = bucket, window.ring[bucket % 17 + 1]
end

local function charge(window, bucket, units)
  if bucket == window.head then window.running = window.running + units end
  if window.ring then
    local at = bucket % 17 + 1
    window.ring[at] = window.ring[at] + units
  end
  window.used, window.changed = window.used + units, true
end

-- The sub-bucket of a stamp, if it is still in the window.
local function bucket_of(window, stamp)
  local bucket = stamp % EPOCH
  if floor(stamp / EPOCH) == window.epoch and bucket <= window.head and bucket > window.head - 17 then
    return bucket
  end
end

local function correct(window, back_stamp, back, excess_stamp, excess)
  local ring = ring_of(window)
  if back > 0 then
    local bucket = bucket_of(window, back_stamp)
    if bucket then charge(window, bucket, -math.min(back, ring[bucket % 17 + 1])) end
  end
  if excess > 0 then
    local bucket = window.head
    if excess_stamp > 0 then bucket = bucket_of(window, excess_stamp) end
    if bucket then
      charge(window, bucket, excess)
      window.debt = math.max(window.debt, bucket)
    end
  end
end

local function wait(window, need, limit)
  local ring, sum = ring_of(window), window.used
  for step = 1, 17 do
    local gone = window.head - 17 + step
    sum = sum - ring[gone % 17 + 1]
    if window.debt <= gone and (need == 0 or sum + need <= limit) then
      return (window.head + step) * window.length - now
    end
  end
end

for k = 1, #KEYS do
  local length, limit, need, want, owed, back_stamp, back, excess_stamp, excess =
    take('<ddddddddd', questions, k * 72 - 71)
  local bucket, window = floor(now / length)
  if k > 1 then value = redis.call('GET', KEYS[k]) end
  if value then
    if #value ~= 176 then return redis.error_reply('ERR a key of weightseal holds something else') end
    local epoch, head, debt, used, running = take(HEADER, value)
    window = {value = value, length = length, epoch = epoch, head = head, debt = debt, used = used,
      running = running, ring = false, changed = false, owed = 0, wait = -1, in_debt = 0, grant = 0}
    if bucket > head or head - bucket > 1 then advance(window, bucket) end
  else
    window = {length = length, epoch = 0, head = bucket, debt = 0, used = 0, running = 0,
      ring = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
      changed = false, owed = 0, wait = -1, in_debt = 0, grant = 0}
  end
  windows[k] = window
  if back > 0 or excess > 0 then correct(window, back_stamp, back, excess_stamp, excess) end
  if owed > 0 and window.used + owed <= limit then
    charge(window, window.head, owed)
    window.owed = 1
  end
  if window.debt > 0 and window.debt > window.head - 17 then window.in_debt = 1 end
  if need > limit then
    admitted, window.wait = false, 0
  elseif window.in_debt == 1 or (need > 0 and window.used + need > limit) then
    admitted, window.wait = false, wait(window, need, limit)
  end
  window.grant = math.max(0, math.min(want, limit - window.used))
end

local answers = {}
for k = 1, #KEYS do
  local window = windows[k]
  local head, granted = window.head, 0
  if admitted and window.grant > 0 then
    granted = window.grant
    charge(window, head, granted)
  end
  if window.changed then
    local header = pack(HEADER, window.epoch, head, window.debt, window.used, window.running)
    if window.ring then
      redis.call('SET', KEYS[k], header .. pack(COUNTS, unpack(window.ring)), 'PX', math.ceil(window.length * 18 / 1000))
    else
      redis.call('SETRANGE', KEYS[k], 0, header)
    end
  end
  answers[k] = pack('<dddddddd', window.epoch * EPOCH + head, granted, window.owed, window.used, window.wait,
    window.in_debt, (head + 1) * window.length - now, (head + 17) * window.length - now)
end
return table.concat(answers)
)lua";

double load(std::string_view bytes, std::size_t field) noexcept {
    double value = 0;
    std::memcpy(&value, bytes.data() + field * sizeof value, sizeof value);
    return value;
}

[[noreturn]] void refuse() {
    throw Error(Errc::server_answer, "server", "answered something that the script cannot answer");
}

std::uint64_t whole(double value, double most) {
    if (!(value >= 0 && value <= most) || value != std::floor(value)) refuse();
    return static_cast<std::uint64_t>(value);
}

bool flag(double value) {
    return whole(value, 1) == 1;
}

} // namespace

std::string_view script_text() noexcept {
    return script;
}

std::string encode(const std::vector<WindowQuestion>& questions) {
    std::string text;
    text.reserve(questions.size() * question_fields * sizeof(double));
    for (const WindowQuestion& q : questions)
        for (const std::uint64_t field :
             {q.length, q.limit, q.need, q.want, q.owed, q.back_stamp, q.back, q.excess_stamp, q.excess}) {
            const auto value = static_cast<double>(field);
            text.append(reinterpret_cast<const char*>(&value), sizeof value);
        }
    return text;
}

std::vector<WindowAnswer> decode(std::string_view answer, const std::vector<WindowQuestion>& questions) {
    if (answer.size() != questions.size() * answer_fields * sizeof(double)) refuse();
    std::vector<WindowAnswer> answers;
    bool any_refused = false;
    bool any_given = false;
    bool all_given = true;
    for (std::size_t i = 0; i < questions.size(); ++i) {
        const WindowQuestion& question = questions[i];
        const std::string_view fields = answer.substr(i * answer_fields * sizeof(double));
        WindowAnswer& a = answers.emplace_back();
        const auto window = static_cast<double>(question.length * Ring::slots);
        a.stamp = whole(load(fields, 0), largest);
        a.granted = whole(load(fields, 1), static_cast<double>(question.want));
        a.owed_charged = flag(load(fields, 2));
        a.used = whole(load(fields, 3), largest);
        a.refused = load(fields, 4) != -1;
        const double longest =
            window + static_cast<double>(question.length); // the newest sub-bucket may be the next one
        if (a.refused) a.wait = whole(load(fields, 4), longest);
        a.in_debt = flag(load(fields, 5));
        a.bucket_left = whole(load(fields, 6), 2 * static_cast<double>(question.length));
        a.window_left = whole(load(fields, 7), longest);
        any_refused = any_refused || a.refused;
        all_given = all_given && a.granted >= question.need;
        any_given = any_given || a.granted != 0;
    }
    if (any_refused ? any_given : !all_given) refuse(); // all windows give, or none
    return answers;
}

} // namespace weightseal::guard
