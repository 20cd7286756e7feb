# Where things go, and how other projects find them: a CMake package with the components core and capi, and one
# pkg-config file for each.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(weightseal_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/weightseal")

install(DIRECTORY include/weightseal TYPE INCLUDE)
install(DIRECTORY capi/include/ TYPE INCLUDE)
foreach(component IN ITEMS core capi)
    if(component STREQUAL "core")
        set(target weightseal_static)
    else()
        set(target weightseal_shared)
    endif()
    install(
        TARGETS ${target}
        EXPORT weightseal-${component}
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    )
    install(
        EXPORT weightseal-${component}
        NAMESPACE weightseal::
        FILE weightseal-${component}.cmake
        DESTINATION "${weightseal_package_dir}"
    )
endforeach()
if(TARGET weightseal_program)
    install(TARGETS weightseal_program RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()

configure_package_config_file(
    cmake/weightsealConfig.cmake.in
    "${PROJECT_BINARY_DIR}/package/weightsealConfig.cmake"
    INSTALL_DESTINATION "${weightseal_package_dir}"
    NO_SET_AND_CHECK_MACRO
)
# Before 1.0 a new minor version may change the C++ API.
write_basic_package_version_file(
    "${PROJECT_BINARY_DIR}/package/weightsealConfigVersion.cmake" COMPATIBILITY SameMinorVersion
)
install(
    FILES
        "${PROJECT_BINARY_DIR}/package/weightsealConfig.cmake"
        "${PROJECT_BINARY_DIR}/package/weightsealConfigVersion.cmake"
    DESTINATION "${weightseal_package_dir}"
)

# Relative to the .pc file, so that an install tree may be moved.
file(RELATIVE_PATH weightseal_pc_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" weightseal_pc_prefix "${weightseal_pc_prefix}")
foreach(name IN ITEMS weightseal weightseal-core)
    configure_file(cmake/${name}.pc.in "${PROJECT_BINARY_DIR}/package/${name}.pc" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/package/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()

# The wheel of bindings/python: the shared library under a plain name, beside the modules that load it.
install(
    PROGRAMS "$<TARGET_FILE:weightseal_shared>"
    DESTINATION weightseal
    RENAME libweightseal.so
    COMPONENT python
    EXCLUDE_FROM_ALL
)
