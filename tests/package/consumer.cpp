#include <cstdio>
#include <weightseal/weightseal.hpp>

int main() {
    const weightseal::Key key = weightseal::Key::generate(weightseal::KeyKind::seal);
    std::printf("C++ API of weightseal %s\n", weightseal::version_string());
    return key.kind == weightseal::KeyKind::seal ? 0 : 1;
}
