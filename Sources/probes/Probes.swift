// SPDX-License-Identifier: MIT
//
// Small programs, one case each, that run on the library from outside: `probes NAME [ARGUMENT…]`.
//
// A probe prints `ok` lines and exits 0, or says what failed and exits 1. None knows hakmem's
// insides: without the library they test glibc, and with another one preloaded that one.

@preconcurrency import Glibc

@main
enum Probes {
    /// Every probe by name. Its arguments are those after the name.
    static var all: KeyValuePairs<String, ([String]) -> Never> {
        [
            "conformance": runConformance,
            "misuse": runMisuse,
            "model": runModel,
            "stress": runStress,
            "hand-over": runHandOver,
            "churn": runChurn,
            "fork-storm": runForkStorm,
            "fork-orphans": runForkOrphans,
            "tls-destructors": runTlsDestructors,
            "signal": runSignal,
        ]
    }

    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        guard let name = arguments.first, let probe = all.first(where: { $0.key == name }) else {
            print("usage: probes NAME [ARGUMENT…], where NAME is one of:")
            for entry in all { print("  \(entry.key)") }
            exit(arguments.isEmpty ? 0 : 2)
        }
        setvbuf(stdout, nil, _IOLBF, 0)
        probe.value(Array(arguments.dropFirst()))
    }
}
