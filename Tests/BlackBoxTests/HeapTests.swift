// SPDX-License-Identifier: MIT
//
// The malloc family, its model and its stress, each a probe or a small program on the library.

import Foundation
import Testing

@Suite struct HeapTests {
    /// Seconds of stress: few by default, minutes on demand.
    static let stressSeconds =
        Int(ProcessInfo.processInfo.environment["HAKMEM_STRESS_SECONDS"] ?? "") ?? 4

    @Test func conformsToItsStandards() {
        expectSuccess([Product.probes, "conformance"])
    }

    @Test func countsEveryCallWhenAsked() {
        expectSuccess(
            [Product.probes, "conformance"],
            environment: ["HAKMEM_STATS": "json", "HAKMEM_STATS_FILE": "/dev/null"])
    }

    @Test func conformsInEveryMode() {
        for mode in ["minimal", "fast", "balanced"] {
            expectSuccess([Product.probes, "conformance"], environment: ["HAKMEM_MODE": mode])
        }
    }

    @Test(Installed.needs("g++"))
    func servesEveryOperatorOfCxx() throws {
        expectSuccess([try Sources.program("operators.cpp")])
    }

    @Test(Installed.needs("gcc")) func reportsAsGlibcDoes() throws {
        expectSuccess([try Sources.program("reports.c")])
    }

    @Test(arguments: [1, 2, 3]) func agreesWithItsModel(seed: Int) {
        expectSuccess([Product.probes, "model", "100000", "\(seed)"])
    }

    @Test(arguments: ["minimal", "fast"]) func agreesWithItsModel(mode: String) {
        expectSuccess([Product.probes, "model", "100000"], environment: ["HAKMEM_MODE": mode])
    }

    /// The smallest caches and no delay: memory goes back and comes again all the time.
    @Test func agreesWithItsModelWithoutCaches() {
        let environment = [
            "HAKMEM_PURGE_DELAY_MS": "0", "HAKMEM_RETAIN_MB": "0", "HAKMEM_LARGE_CACHE_KB": "0",
            "HAKMEM_WHALE_CACHE_MB": "0",
        ]
        expectSuccess([Product.probes, "model", "50000"], environment: environment)
        expectSuccess([Product.probes, "stress", "4", "2"], environment: environment)
    }

    @Test func handsBlocksOver() {
        expectSuccess([Product.probes, "hand-over"])
    }

    @Test(arguments: [2, 8, 64]) func survivesStress(threads: Int) {
        expectSuccess(
            [Product.probes, "stress", "\(threads)", "\(Self.stressSeconds)"],
            secondsMax: Self.stressSeconds + Command.secondsMax)
    }
}
