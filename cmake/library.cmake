# The library, compiled once and linked twice:
#   weightseal::core   static, the C++ API (and the C ABI)
#   weightseal::capi   shared, the C ABI alone: C++ names stay inside, so any compiler and language may use it

# The ABI version has one home, the header.
file(STRINGS capi/include/weightseal.h weightseal_abi_line REGEX "^#define WSEAL_ABI_VERSION [0-9]+$")
string(REGEX MATCH "[0-9]+$" weightseal_abi_version "${weightseal_abi_line}")

file(GLOB weightseal_sources CONFIGURE_DEPENDS
    src/core/*.cpp
    src/platform/*.cpp
    src/crypto/*.cpp
    src/keys/*.cpp
    src/io/*.cpp
    src/remote/*.cpp
    src/formats/*.cpp
    src/container/*.cpp
    src/watermark/*.cpp
    src/watermark/align/*.cpp
    src/watermark/kernels/*.cpp
    src/guard/*.cpp
    src/guard/shared/*.cpp
    src/storage/*.cpp
    src/storage/live/*.cpp
    capi/*.cpp
)

add_library(weightseal_objects OBJECT ${weightseal_sources})
weightseal_compile_options(weightseal_objects)
target_include_directories(weightseal_objects PRIVATE include src)
# Initializers of a C header are C casts; tests compile the header under warnings of its own.
target_include_directories(weightseal_objects SYSTEM PRIVATE capi/include)
set_source_files_properties(
    src/core/version.cpp PROPERTIES COMPILE_DEFINITIONS "WEIGHTSEAL_VERSION=\"${PROJECT_VERSION}\""
)
# The watermark's arithmetic is specified to the last bit: products and sums are rounded one by one.
target_compile_options(weightseal_objects PRIVATE -ffp-contract=off)
set(weightseal_link_libraries PkgConfig::libsodium OpenSSL::SSL OpenSSL::Crypto CURL::libcurl pugixml::pugixml fmt::fmt Threads::Threads)
if(WEIGHTSEAL_IPSEC_MB)
    # By name, so that the installed package finds it wherever its user has it.
    list(APPEND weightseal_link_libraries IPSec_MB)
    set_source_files_properties(src/crypto/aead_ipsec_mb.cpp PROPERTIES COMPILE_DEFINITIONS WEIGHTSEAL_IPSEC_MB)
    set(weightseal_pc_private "-lIPSec_MB")
endif()
target_link_libraries(
    weightseal_objects PRIVATE ${weightseal_link_libraries} nlohmann_json::nlohmann_json Eigen3::Eigen
)
set_source_files_properties(src/guard/shared/reply.cpp PROPERTIES COMPILE_OPTIONS "${weightseal_hiredis_options}")
list(APPEND weightseal_link_libraries PkgConfig::hiredis)

add_library(weightseal_static STATIC $<TARGET_OBJECTS:weightseal_objects>)
add_library(weightseal::core ALIAS weightseal_static)
set_target_properties(weightseal_static PROPERTIES EXPORT_NAME core)
target_compile_features(weightseal_static PUBLIC cxx_std_20)
target_include_directories(
    weightseal_static
    PUBLIC
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/capi/include>
)
target_link_libraries(weightseal_static PRIVATE ${weightseal_link_libraries})

add_library(weightseal_shared SHARED $<TARGET_OBJECTS:weightseal_objects>)
add_library(weightseal::capi ALIAS weightseal_shared)
set(weightseal_map "${PROJECT_SOURCE_DIR}/capi/weightseal.map")
set_target_properties(
    weightseal_shared
    PROPERTIES EXPORT_NAME capi SOVERSION ${weightseal_abi_version} LINK_DEPENDS "${weightseal_map}"
)
target_include_directories(weightseal_shared PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/capi/include>)
target_link_libraries(weightseal_shared PRIVATE ${weightseal_link_libraries})
target_link_options(
    weightseal_shared PRIVATE "-Wl,--version-script=${weightseal_map}" ${weightseal_hardened_link}
)
# Sanitizer runtimes are found in the program that loads the library.
if(NOT WEIGHTSEAL_SANITIZE)
    target_link_options(weightseal_shared PRIVATE -Wl,-z,defs)
endif()

set_target_properties(
    weightseal_static weightseal_shared
    PROPERTIES
        OUTPUT_NAME weightseal
        ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib"
        LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib"
)
