# How our own translation units are compiled. Nothing here reaches a user's target.

include(CheckCXXCompilerFlag)

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    find_program(WEIGHTSEAL_CCACHE ccache)
    mark_as_advanced(WEIGHTSEAL_CCACHE)
    if(WEIGHTSEAL_CCACHE)
        set(CMAKE_C_COMPILER_LAUNCHER "${WEIGHTSEAL_CCACHE}")
        set(CMAKE_CXX_COMPILER_LAUNCHER "${WEIGHTSEAL_CCACHE}")
    endif()
endif()

# Sanitizers must see the whole program, so these alone are directory-wide.
if(WEIGHTSEAL_SANITIZE)
    add_compile_options("-fsanitize=${WEIGHTSEAL_SANITIZE}" -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options("-fsanitize=${WEIGHTSEAL_SANITIZE}")
endif()

set(weightseal_warnings
    -Wall
    -Wextra
    -Wpedantic
    -Wcast-qual
    -Wconversion
    -Wdouble-promotion
    -Wformat=2
    -Wimplicit-fallthrough
    -Wshadow
    -Wsign-conversion
    -Wundef
    # Designated initializers leave members at their defaults on purpose.
    -Wno-missing-field-initializers
)
set(weightseal_cxx_warnings -Wextra-semi -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual)

function(weightseal_compile_options target)
    set_target_properties(
        ${target}
        PROPERTIES
            CXX_STANDARD 20
            CXX_STANDARD_REQUIRED ON
            CXX_EXTENSIONS OFF
            C_STANDARD 11
            C_STANDARD_REQUIRED ON
            C_EXTENSIONS OFF
            CXX_VISIBILITY_PRESET hidden
            C_VISIBILITY_PRESET hidden
            VISIBILITY_INLINES_HIDDEN ON
            POSITION_INDEPENDENT_CODE ON
    )
    target_compile_options(
        ${target}
        PRIVATE
            ${weightseal_warnings}
            $<$<COMPILE_LANGUAGE:CXX>:${weightseal_cxx_warnings}>
            -fstack-protector-strong
    )
    # Fortified calls hide overflows from the sanitizers and need an optimizing compiler.
    if(NOT WEIGHTSEAL_SANITIZE)
        target_compile_options(
            ${target} PRIVATE $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>
        )
    endif()
endfunction()

# For what is linked: no lazy binding, relocations read-only.
set(weightseal_hardened_link -Wl,-z,relro -Wl,-z,now)
