#include "support/nginx.hpp"

#include "support/environment.hpp"
#include "support/web_server.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace weightseal::testing {
namespace {

constexpr const char* program = "/usr/sbin/nginx";

std::string configuration(const std::string& folder, std::uint16_t port, const Certificates& certificates) {
    const std::string at = folder + "/";
    return "daemon off; master_process off; pid " + at + "pid; error_log " + at + "log;\n" +
           "events { worker_connections 256; }\n"
           "http { access_log off; client_body_temp_path " +
           at + "body; proxy_temp_path " + at + "proxy;\n" + "fastcgi_temp_path " + at + "fastcgi; uwsgi_temp_path " +
           at + "uwsgi; scgi_temp_path " + at + "scgi;\n" + "server { listen 127.0.0.1:" + std::to_string(port) +
           " ssl; root " + at + "root;\n" + "ssl_certificate " + certificates.certificate() + "; ssl_certificate_key " +
           certificates.key() + "; } }\n";
}

} // namespace

bool have_nginx() {
    if (std::filesystem::exists(program)) return true;
    std::puts("skipped: nginx is not installed");
    return false;
}

Nginx::Nginx(const Certificates& certificates) : port_(free_web_port()) {
    remove_proxies();
    std::filesystem::create_directory(root());
    const std::string file = (folder_ / "nginx.conf").string();
    write_file(file, configuration(folder_.path().string(), port_, certificates));
    process_ = fork();
    if (process_ < 0) throw std::runtime_error("nginx: no process");
    if (process_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); // should the test die first
        execl(program, program, "-e", (folder_ / "log").c_str(), "-c", file.c_str(), nullptr);
        _exit(127);
    }
    for (int attempt = 0; attempt < 1000; ++attempt) {
        if (is_listening(port_)) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    throw std::runtime_error("nginx does not start");
}

Nginx::~Nginx() {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
}

std::string Nginx::url(std::string_view file) const {
    return "https://127.0.0.1:" + std::to_string(port_) + "/" + std::string(file);
}

} // namespace weightseal::testing
