// Objects of plain web servers.

#include "remote/ranged_source.hpp"
#include "remote/url.hpp"

namespace weightseal {
namespace {

class WebObject final : public remote::RemoteObject {
  public:
    explicit WebObject(const remote::HttpUrl& url) : url_(url.text()) {
        // A query may be a signature that lets whoever has it read.
        remote::HttpUrl shown = url;
        shown.query = url.query.empty() ? "" : "...";
        name_ = shown.text();
    }
    [[nodiscard]] const std::string& name() const override { return name_; }
    void prepare() const override {}
    [[nodiscard]] remote::HttpRequest request(std::vector<remote::HttpHeader> headers) const override {
        return {"GET", url_, std::move(headers)};
    }
    [[nodiscard]] std::shared_ptr<const RemoteObject> fresh() const override {
        return std::make_shared<WebObject>(*this);
    }

  private:
    std::string url_;
    std::string name_;
};

} // namespace

std::shared_ptr<const ByteSource> https_source(std::string_view url, const HttpOptions& options) {
    return remote::ranged_source(std::make_shared<WebObject>(remote::parse_http_url(url)), options);
}

} // namespace weightseal
