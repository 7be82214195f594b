// SPDX-License-Identifier: MIT
//
// Writes a profile into memory of its user, checked as it goes. `finish` says how many bytes it
// has, or nil when the memory was too small.

package struct ProfileWriter: ~Copyable {
    private let bytes: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    private var count = 0
    private var sum = Profile.checkStart
    private var isFull = false

    /// Begins the profile of `program` in `capacity` bytes.
    package init(_ bytes: UnsafeMutablePointer<UInt8>, capacity: Int, program: UInt64) {
        self.bytes = bytes
        self.capacity = min(capacity, Profile.bytesMax)
        append("hakmem-profile ")
        append(decimal: UInt(Profile.version))
        append("\nprogram ")
        append(hexadecimal: program)
        append("\n")
    }

    /// The champion's number.
    package mutating func append(strategy: Int) {
        append("strategy ")
        append(Strategy.name(strategy))
        append("\n")
    }

    package mutating func append(strategy: Int, rating: Int, samples: Int) {
        append("rating ")
        append(Strategy.name(strategy))
        append(" ")
        append(decimal: UInt(max(0, min(rating, Profile.ratingMax))))
        append(" ")
        append(decimal: UInt(max(0, min(samples, Profile.samplesMax))))
        append("\n")
    }

    /// A site's rule; false, and nothing is written, when the module's name has no place in a
    /// profile: empty, too long, or with blanks or control characters.
    @discardableResult
    package mutating func append(_ site: ProfileSite, _ rule: SiteRule) -> Bool {
        guard site.module.count > 0, site.module.count <= Profile.moduleBytesMax else {
            return false
        }
        for byte in site.module where byte <= 32 || byte == 127 { return false }
        append("rule ")
        for byte in site.module { append(byte: byte) }
        append("+")
        append(hexadecimal: site.offset)
        append(" ")
        append(rule.route.word)
        append(" ")
        append(decimal: UInt(rule.growthPercent))
        append("\n")
        return true
    }

    /// Ends the profile with its check. The last call.
    package mutating func finish() -> Int? {
        let sum = sum
        append("check ")
        append(hexadecimal: sum)
        append("\n")
        return isFull ? nil : count
    }

    private mutating func append(byte: UInt8) {
        guard count < capacity else {
            isFull = true
            return
        }
        bytes[count] = byte
        count += 1
        sum = Profile.check(sum, byte)
    }

    private mutating func append(_ text: StaticString) {
        for index in 0..<text.utf8CodeUnitCount { append(byte: text.utf8Start[index]) }
    }

    private mutating func append(decimal value: UInt) {
        if value >= 10 { append(decimal: value / 10) }
        append(byte: UInt8(48 + value % 10))
    }

    private mutating func append(hexadecimal value: UInt64) {
        append("0x")
        var shift = 60
        while shift > 0, value >> UInt64(shift) == 0 { shift -= 4 }
        while shift >= 0 {
            let digit = UInt8(value >> UInt64(shift) & 15)
            append(byte: digit < 10 ? 48 + digit : 87 + digit)
            shift -= 4
        }
    }
}
