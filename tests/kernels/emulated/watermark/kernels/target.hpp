#pragma once
// Stands for the header of this name: the compiler is not to use instructions that are emulated.

#define WEIGHTSEAL_BEGIN_TARGET(features)
#define WEIGHTSEAL_END_TARGET
