// SPDX-License-Identifier: MIT
//
// Base-two logarithm and power, and what follows from them. The library needs no mathematics
// library for so little (Swift's own squareRoot() would call it): both are short series, exact to
// about ten digits, which is more than any measurement here has.

enum Logarithm {
    private static let naturalOfTwo = 0.693_147_180_559_945_3
    /// Terms of each series: the last one is below the precision stated above.
    private static let logarithmTerms = 10
    private static let powerTerms = 14
    /// Powers beyond this are of no use here, and would leave the range of a Double.
    private static let exponentMax = 1000.0

    /// log2(`value`). For what is not a positive normal number: the least exponent.
    static func log2(_ value: Double) -> Double {
        guard value.isNormal, value > 0 else { return -exponentMax }
        let bits = value.bitPattern
        var exponent = Double(Int(bits >> 52) - 1023)
        var mantissa = Double(bitPattern: bits & 0x000F_FFFF_FFFF_FFFF | 0x3FF0_0000_0000_0000)
        if mantissa > 1.414_213_562_373_095 {
            mantissa /= 2
            exponent += 1
        }
        // ln m = 2 (t + t³/3 + t⁵/5 …) with t = (m - 1) / (m + 1), here at most 0.172.
        let ratio = (mantissa - 1) / (mantissa + 1)
        var power = ratio
        var sum = 0.0
        for term in 0..<logarithmTerms {
            sum += power / Double(2 * term + 1)
            power *= ratio * ratio
        }
        return exponent + 2 * sum / naturalOfTwo
    }

    /// The natural logarithm of `value`, which is at least 1.
    static func natural(_ value: Double) -> Double { log2(value) * naturalOfTwo }

    /// The square root of `value`, which is positive.
    static func squareRoot(_ value: Double) -> Double { exp2(log2(value) / 2) }

    /// 2 to the power of `exponent`, which is brought into range first.
    static func exp2(_ exponent: Double) -> Double {
        guard exponent == exponent else { return 1 }
        let bounded = min(max(exponent, -exponentMax), exponentMax)
        var whole = Int(bounded)
        if Double(whole) > bounded { whole -= 1 }
        let rest = (bounded - Double(whole)) * naturalOfTwo
        var term = 1.0
        var sum = 1.0
        for index in 1...powerTerms {
            term *= rest / Double(index)
            sum += term
        }
        return sum * Double(bitPattern: UInt64(whole + 1023) << 52)
    }
}
