#pragma once
// Instruction sets of one part of a file. What stands between the two macros is compiled for `features` as well as the
// baseline; headers are included before, so that no inline function of theirs is.

#define WEIGHTSEAL_PRAGMA(text) _Pragma(#text)

#if defined(__clang__)
#define WEIGHTSEAL_BEGIN_TARGET(features)                                                                              \
    WEIGHTSEAL_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define WEIGHTSEAL_END_TARGET WEIGHTSEAL_PRAGMA(clang attribute pop)
#else
#define WEIGHTSEAL_BEGIN_TARGET(features)                                                                              \
    WEIGHTSEAL_PRAGMA(GCC push_options)                                                                                \
    WEIGHTSEAL_PRAGMA(GCC target(features))
#define WEIGHTSEAL_END_TARGET WEIGHTSEAL_PRAGMA(GCC pop_options)
#endif
