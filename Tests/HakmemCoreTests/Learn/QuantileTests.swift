// SPDX-License-Identifier: MIT

import Foundation
import Testing

@testable import HakmemCoreHosted

@Suite struct QuantileTests {
    /// The worked example of the paper: 20 observations, the median.
    private let paper = [
        0.02, 0.15, 0.74, 3.39, 0.83, 22.37, 10.15, 15.43, 38.62, 15.92, 34.60, 10.28, 1.47, 0.40,
        0.05, 11.39, 0.27, 0.42, 0.09, 11.37,
    ]
    /// Its estimates from the fifth observation on, to the two digits that it prints.
    private let estimates = [
        0.74, 0.74, 0.74, 2.18, 4.75, 4.75, 9.28, 9.28, 9.28, 9.28, 6.30, 6.30, 6.30, 6.30, 4.44,
        4.44,
    ]

    @Test func thePapersExample() {
        var median = Quantile(share: 0.5)
        for (index, value) in paper.enumerated() {
            median.add(value)
            guard index >= 4 else { continue }
            // The paper's table carries its own rounding along.
            #expect(abs(median.estimate - estimates[index - 4]) < 0.011)
        }
        #expect(median.count == 20)
        #expect(abs(median.estimate - 4.44) < 0.005)
    }

    @Test func theFirstFiveAreExact() {
        var median = Quantile(share: 0.5)
        #expect(median.estimate == 0)
        for value in [5.0, 1, 4, 2, 3] { median.add(value) }
        #expect(median.estimate == 3)
        var p99 = Quantile(share: 0.99)
        for value in [1.0, 9, 4] { p99.add(value) }
        #expect(p99.estimate == 9)
    }

    @Test(arguments: [0.5, 0.9, 0.99]) func exponentialStreams(share: Double) {
        var randomness = Randomness(seed: 7)
        var quantile = Quantile(share: share)
        for _ in 0..<20_000 {
            quantile.add(-log(1 - Double(randomness.next() >> 11) / 9_007_199_254_740_992))
        }
        #expect(abs(quantile.estimate / -log(1 - share) - 1) < 0.05)
    }

    @Test func sortedAndConstantStreams() {
        var rising = Quantile(share: 0.99)
        var falling = Quantile(share: 0.99)
        var constant = Quantile(share: 0.99)
        for value in 1...1000 {
            rising.add(Double(value))
            falling.add(Double(1001 - value))
            constant.add(7)
        }
        #expect((950...1000).contains(rising.estimate))
        #expect((900...1000).contains(falling.estimate))
        #expect(constant.estimate == 7)
    }
}
