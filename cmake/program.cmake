# The command line. One source file for each command.

file(GLOB weightseal_program_sources CONFIGURE_DEPENDS src/cli/*.cpp)
if(NOT weightseal_program_sources)
    return()
endif()

add_executable(weightseal_program ${weightseal_program_sources})
weightseal_compile_options(weightseal_program)
target_include_directories(weightseal_program PRIVATE src)
target_link_libraries(
    weightseal_program PRIVATE weightseal::core fmt::fmt nlohmann_json::nlohmann_json CLI11::CLI11
)
target_link_options(weightseal_program PRIVATE -pie ${weightseal_hardened_link})
set_target_properties(
    weightseal_program PROPERTIES OUTPUT_NAME weightseal RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin"
)
