// SPDX-License-Identifier: MIT
//
// The fields of a profile's line: words between blanks, taken from left to right. What does not fit
// is left where it is.

struct ProfileFields {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position: Int
    private let end: Int
    /// Whether a field was asked for and the line was over.
    private(set) var isMissing = false

    init(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) {
        self.bytes = bytes
        position = start
        self.end = end
    }

    private static let blank: UInt8 = 32
    private static let comment: UInt8 = 35

    /// Whether nothing is left but blanks and a comment.
    var isBlank: Bool {
        let start = skipped
        return start == end || bytes[start] == ProfileFields.comment
    }

    /// Where the next field starts.
    private var skipped: Int {
        var index = position
        while index < end, bytes[index] == ProfileFields.blank { index += 1 }
        return index
    }

    /// The bounds of the next field, empty at the end of the line.
    private func bounds() -> Range<Int> {
        let start = skipped
        var stop = start
        while stop < end, bytes[stop] != ProfileFields.blank { stop += 1 }
        return start..<stop
    }

    /// Takes the next field if it is `word`.
    mutating func next(is word: StaticString) -> Bool {
        let range = bounds()
        guard range.count == word.utf8CodeUnitCount else { return false }
        for index in 0..<range.count where bytes[range.lowerBound + index] != word.utf8Start[index]
        {
            return false
        }
        position = range.upperBound
        return true
    }

    /// Takes a whole number up to `max`.
    mutating func decimal(max: Int) -> Int? {
        let range = bounds()
        isMissing = range.isEmpty
        var value = 0
        for index in range {
            let digit = Int(bytes[index]) - 48
            guard digit >= 0, digit <= 9 else { return nil }
            value = value * 10 + digit
            if value > max { return nil }
        }
        if range.isEmpty { return nil }
        position = range.upperBound
        return value
    }

    /// Takes a number as 0x and one to sixteen digits.
    mutating func hexadecimal() -> UInt64? {
        let range = bounds()
        isMissing = range.isEmpty
        guard let value = hexadecimal(range) else { return nil }
        position = range.upperBound
        return value
    }

    private func hexadecimal(_ range: Range<Int>) -> UInt64? {
        guard range.count >= 3, range.count <= 18, bytes[range.lowerBound] == 48,
            bytes[range.lowerBound + 1] == 120
        else { return nil }
        var value: UInt64 = 0
        for index in (range.lowerBound + 2)..<range.upperBound {
            let byte = bytes[index]
            switch byte {
            case 48...57: value = value << 4 | UInt64(byte - 48)
            case 97...102: value = value << 4 | UInt64(byte - 87)
            default: return nil
            }
        }
        return value
    }

    /// Takes a strategy's name.
    mutating func strategy() -> Int? {
        isMissing = isBlank
        for index in 0..<Strategy.count where next(is: Strategy.name(index)) { return index }
        return nil
    }

    /// Takes a route's name.
    mutating func route() -> SiteRoute? {
        isMissing = isBlank
        for index in 0..<SiteRoute.count {
            if let route = SiteRoute(rawValue: UInt8(index)), next(is: route.word) { return route }
        }
        return nil
    }

    /// Takes MODULE+0xOFFSET; the module's own name may have a + too.
    mutating func site() -> ProfileSite? {
        let range = bounds()
        isMissing = range.isEmpty
        var plus = range.upperBound - 1
        while plus > range.lowerBound, bytes[plus] != 43 { plus -= 1 }
        guard plus > range.lowerBound, plus - range.lowerBound <= Profile.moduleBytesMax,
            let offset = hexadecimal((plus + 1)..<range.upperBound)
        else { return nil }
        for index in range.lowerBound..<plus where bytes[index] < 32 || bytes[index] == 127 {
            return nil
        }
        position = range.upperBound
        let module = UnsafeBufferPointer(rebasing: bytes[range.lowerBound..<plus])
        return ProfileSite(module: module, offset: offset)
    }
}
