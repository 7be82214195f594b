// SPDX-License-Identifier: MIT

/// Order statistics of samples.
enum Distribution {
    /// The value at or below which `percent` of the samples lie (nearest rank). `sorted` ascends
    /// and has at least one sample.
    static func percentile<Number>(_ percent: Double, ofSorted sorted: [Number]) -> Number {
        precondition(!sorted.isEmpty && (0...100).contains(percent))
        let rank = (percent / 100 * Double(sorted.count)).rounded(.up)
        return sorted[max(1, Int(rank)) - 1]
    }

    /// The middle value, or the mean of the two in the middle.
    static func median(_ values: [Double]) -> Double {
        precondition(!values.isEmpty)
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

/// Numbers as the tables show them.
enum Numbers {
    /// With a fixed count of digits behind the point.
    static func decimal(_ value: Double, digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let whole = Int((value.magnitude * scale).rounded())
        let sign = value < 0 && whole != 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)" }
        var fraction = String(whole % Int(scale))
        while fraction.count < digits { fraction = "0" + fraction }
        return "\(sign)\(whole / Int(scale)).\(fraction)"
    }

    /// A count with the letter of its thousands: `100k`, `1M`.
    static func short(_ count: Int) -> String {
        if count >= 1_000_000, count % 1_000_000 == 0 { return "\(count / 1_000_000)M" }
        if count >= 1_000, count % 1_000 == 0 { return "\(count / 1_000)k" }
        return "\(count)"
    }

    /// Three digits that count, for figures of any size.
    static func figure(_ value: Double) -> String {
        switch value.magnitude {
        case ..<10: return decimal(value, digits: 2)
        case ..<100: return decimal(value, digits: 1)
        default: return decimal(value, digits: 0)
        }
    }

    /// A ratio, or a dash where there is nothing to compare with.
    static func ratio(_ value: Double?) -> String {
        value.map { "\(decimal($0, digits: 2))×" } ?? "–"
    }
}
