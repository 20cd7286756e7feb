#include "support/certificates.hpp"

#include <cstdlib>
#include <stdexcept>

namespace weightseal::testing {
namespace {

void run(const std::string& command) {
    if (std::system((command + " 2>/dev/null").c_str()) != 0) throw std::runtime_error("openssl fails: " + command);
}

} // namespace

Certificates::Certificates(const std::string& name) {
    const std::string curve = " -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes ";
    run("openssl req -x509" + curve + "-subj /CN=Root -keyout " + file("ca.key") + " -out " + authorities());
    write_file(folder_ / "names", "subjectAltName=" + name);
    run("openssl req" + curve + "-subj /CN=Server -keyout " + key() + " -out " + file("request.pem"));
    run("openssl x509 -req -in " + file("request.pem") + " -CA " + authorities() + " -CAkey " + file("ca.key") +
        " -CAcreateserial -extfile " + file("names") + " -out " + certificate());
}

} // namespace weightseal::testing
