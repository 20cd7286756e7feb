// The main function of every Catch2 binary. Version 3 brings its own in Catch2WithMain.

#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_MAIN
#include "support/catch.hpp"
#endif
