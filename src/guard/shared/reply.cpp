#include "guard/shared/reply.hpp"

#include "weightseal/core/error.hpp"

#include <array>
#include <charconv>
#include <hiredis.h>
#include <new>

namespace weightseal::guard {
namespace {

// Where the reply of a task goes: into its list, or, of the outermost one, into one that `next` takes over. hiredis is
// C: no exception may pass it. A null pointer makes it stop.
Reply* place(const redisReadTask* task, Reply::Type type) noexcept {
    Reply* reply = nullptr;
    if (task->parent != nullptr)
        reply = &static_cast<Reply*>(task->parent->obj)->list[static_cast<std::size_t>(task->idx)];
    else
        reply = new (std::nothrow) Reply;
    if (reply != nullptr) reply->type = type;
    return reply;
}

// Only the outermost one can be freed alone.
void* given_up(const redisReadTask* task, Reply* reply) noexcept {
    if (task->parent == nullptr) delete reply;
    return nullptr;
}

void* create_string(const redisReadTask* task, char* text, std::size_t size) noexcept {
    Reply* const reply = place(task, task->type == REDIS_REPLY_ERROR    ? Reply::Type::error
                                     : task->type == REDIS_REPLY_STATUS ? Reply::Type::status
                                                                        : Reply::Type::text);
    if (reply == nullptr) return nullptr;
    try {
        reply->text.assign(text, size);
    } catch (...) {
        return given_up(task, reply);
    }
    return reply;
}

template <class Count> // an int, later a size_t
void* create_array(const redisReadTask* task, Count count) noexcept {
    if (static_cast<std::size_t>(count) > longest_list) return nullptr;
    Reply* const reply = place(task, Reply::Type::list);
    if (reply == nullptr) return nullptr;
    try {
        reply->list.resize(static_cast<std::size_t>(count));
    } catch (...) {
        return given_up(task, reply);
    }
    return reply;
}

void* create_integer(const redisReadTask* task, long long value) noexcept {
    Reply* const reply = place(task, Reply::Type::integer);
    if (reply != nullptr) reply->integer = value;
    return reply;
}

void* create_nil(const redisReadTask* task) noexcept {
    return place(task, Reply::Type::nil);
}

void free_reply(void* reply) noexcept {
    delete static_cast<Reply*>(reply);
}

// Types that we never ask for, which later versions know.
template <class Functions>
void refuse_other_types(Functions& functions) {
    if constexpr (requires { functions.createDouble; })
        functions.createDouble = [](const redisReadTask*, double, char*, std::size_t) -> void* { return nullptr; };
    if constexpr (requires { functions.createBool; })
        functions.createBool = [](const redisReadTask*, int) -> void* { return nullptr; };
}

redisReplyObjectFunctions* functions() {
    static redisReplyObjectFunctions all = [] {
        redisReplyObjectFunctions f{};
        f.createString = create_string;
        f.createArray = create_array;
        f.createInteger = create_integer;
        f.createNil = create_nil;
        f.freeObject = free_reply;
        refuse_other_types(f);
        return f;
    }();
    return &all;
}

} // namespace

void ReplyReader::Free::operator()(redisReader* reader) const noexcept {
    redisReaderFree(reader);
}

ReplyReader::ReplyReader() : reader_(redisReaderCreateWithFunctions(functions())) {
    if (!reader_) throw std::bad_alloc();
}

void ReplyReader::feed(Bytes bytes) {
    redisReaderFeed(reader_.get(), reinterpret_cast<const char*>(bytes.data()), bytes.size());
    received_ += bytes.size();
}

std::optional<Reply> ReplyReader::next() {
    void* reply = nullptr;
    if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK)
        throw Error(Errc::server_answer, "server", "sent something that is no reply");
    if (reply != nullptr) {
        const std::unique_ptr<Reply> owner(static_cast<Reply*>(reply));
        received_ = reader_->len - reader_->pos;
        return std::move(*owner);
    }
    if (received_ > longest_reply)
        throw Error(Errc::server_answer, "server", "sent a reply that is larger than any it may send");
    return std::nullopt;
}

std::string command(const std::vector<std::string_view>& words) {
    std::string text;
    std::size_t size = 16;
    for (const std::string_view word : words)
        size += word.size() + 16;
    text.reserve(size);
    const auto count = [&text](char kind, std::size_t number) {
        std::array<char, 20> digits;
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
        text.append(1, kind).append(digits.data(), end).append("\r\n");
    };
    count('*', words.size());
    for (const std::string_view word : words) {
        count('$', word.size());
        text.append(word).append("\r\n");
    }
    return text;
}

} // namespace weightseal::guard
