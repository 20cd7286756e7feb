// What a server of shared state says: replies in any pieces, answers of the script, redirections, slots of a cluster.

#include "base.hpp"
#include "guard/shared/cluster.hpp"
#include "guard/shared/reply.hpp"
#include "guard/shared/script.hpp"

using namespace weightseal;
using namespace weightseal::testing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::vector<guard::WindowQuestion> questions{{.length = 62'500, .limit = 40, .need = 3, .want = 5}};
    if (size == 0) return 0;
    const std::size_t piece = data[0] + std::size_t{1};
    const Bytes bytes = std::as_bytes(std::span(data, size)).subspan(1);
    guard::ReplyReader reader;
    try {
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            reader.feed(bytes.subspan(at, std::min(piece, bytes.size() - at)));
            while (const std::optional<guard::Reply> reply = reader.next()) {
                for (const guard::SlotRange& range : guard::slots_of(*reply))
                    require(range.last < guard::slot_count && range.first <= range.last, "slots that there are");
                try {
                    if (const auto to = guard::redirection_of(reply->text))
                        require(to->slot < guard::slot_count && to->port != 0, "a redirection to somewhere");
                } catch (const Error&) {
                }
                try {
                    const auto answers = guard::decode(reply->text, questions);
                    require(answers.size() == 1 && answers[0].granted <= 5, "no more than was wanted");
                    require(answers[0].refused ? answers[0].granted == 0 : answers[0].granted >= 3,
                            "enough or nothing");
                } catch (const Error&) {
                }
            }
        }
    } catch (const Error& error) {
        require(error.errc() == Errc::server_answer, "the server's fault");
    }
    return 0;
}
