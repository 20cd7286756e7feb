# What the library links. Each package is named once here and, for users of the installed static library, once more in
# weightsealConfig.cmake.in. DESCRIPTION lines say why the package is worth having.

find_package(PkgConfig REQUIRED)
# Guarded memory and randomness. Distributions ship it with a pkg-config file only.
pkg_check_modules(libsodium REQUIRED IMPORTED_TARGET GLOBAL libsodium>=1.0.18)
# The protocol of Redis and Valkey: formatting and parsing only, the sockets are ours. Debian 12 ships 0.14.
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET GLOBAL hiredis>=0.14)
# Its flags are those of few sources. Its headers are full of what our warnings warn of.
list(TRANSFORM hiredis_INCLUDE_DIRS PREPEND "-isystem" OUTPUT_VARIABLE weightseal_hiredis_options)
# AES-256-GCM, ChaCha20-Poly1305, HKDF and SHA-256, each with the instructions of the processor; TLS.
find_package(OpenSSL 3.0 REQUIRED COMPONENTS SSL Crypto)
# AES-256-GCM with 512-bit VAES, which libcrypto 3.0 lacks: loads are half as fast again. x86-64 only.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    set(weightseal_ipsec_mb_default ON)
else()
    set(weightseal_ipsec_mb_default OFF)
endif()
option(WEIGHTSEAL_IPSEC_MB "Use libipsec-mb for AES-256-GCM where the processor has VAES" ${weightseal_ipsec_mb_default})
if(WEIGHTSEAL_IPSEC_MB)
    find_library(WEIGHTSEAL_IPSEC_MB_LIBRARY IPSec_MB REQUIRED)
    find_path(WEIGHTSEAL_IPSEC_MB_INCLUDE intel-ipsec-mb.h REQUIRED)
endif()
# HTTP for sealed models on servers: transport only, requests are signed here. 7.85 is the first that limits protocols by
# name.
find_package(CURL 7.85 REQUIRED)
# XML of S3's answers: neither document types nor entities of others. Used in sources only.
find_package(pugixml 1.10 REQUIRED)
# Text of messages: type-checked, no locale.
find_package(fmt REQUIRED)
# JSON of safetensors headers: a SAX parser, so that duplicate names are seen. Headers only, used in sources only.
find_package(nlohmann_json 3.11 REQUIRED)
# Products and factors of matrices, for alignment. Headers only, used in sources only.
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

if(WEIGHTSEAL_BUILD_PROGRAM)
    # Arguments of the command line. Headers only.
    find_package(CLI11 2.1 REQUIRED)
endif()
