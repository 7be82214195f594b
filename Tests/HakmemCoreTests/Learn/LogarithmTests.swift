// SPDX-License-Identifier: MIT

import Foundation
import Testing

@testable import HakmemCoreHosted

@Suite struct LogarithmTests {
    @Test func agreesWithTheMathematicsLibrary() {
        var randomness = Randomness(seed: 1)
        for _ in 0..<10_000 {
            let exponent = Double(randomness.below(200_000)) / 1000 - 100
            let power = pow(2, exponent)
            #expect(abs(Logarithm.log2(power) - exponent) < 1e-10)
            #expect(abs(Logarithm.exp2(exponent) / power - 1) < 1e-10)
            #expect(abs(Logarithm.squareRoot(power) / sqrt(power) - 1) < 1e-10)
        }
        #expect(abs(Logarithm.natural(50) - log(50)) < 1e-10)
    }

    @Test func wholePowersAreExact() {
        for exponent in -60...60 {
            #expect(Logarithm.log2(pow(2, Double(exponent))) == Double(exponent))
            #expect(Logarithm.exp2(Double(exponent)) == pow(2, Double(exponent)))
        }
    }

    @Test(arguments: [0, -1, Double.infinity, .nan, -Double.infinity, .leastNonzeroMagnitude])
    func oddValuesHaveAnAnswer(value: Double) {
        #expect(Logarithm.log2(value).isFinite)
        #expect(Logarithm.exp2(value).isFinite)
    }
}
