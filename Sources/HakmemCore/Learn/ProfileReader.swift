// SPDX-License-Identifier: MIT
//
// Reads a profile from memory of its user, an item a call. `verify` reads all of it first: a
// profile is taken whole or not at all.

/// What a call of the reader finds.
package enum ProfileStep {
    case item(ProfileItem)
    /// The check line, which fits, and after it nothing.
    case end(isEdited: Bool)
    /// The profile is refused; `line` counts from 1.
    case refused(line: Int, ProfileError)
}

package struct ProfileReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    private var line = 0
    private var sum = Profile.checkStart
    private var fields: ProfileFields
    private var hasProgram = false
    private var hasStrategy = false

    package init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        fields = ProfileFields(bytes, 0, 0)
    }

    /// Reads all of a profile: nil when it is sound, else the line and what is wrong with it.
    package static func verify(
        _ bytes: UnsafeBufferPointer<UInt8>
    ) -> (line: Int, error: ProfileError)? {
        var reader = ProfileReader(bytes)
        while true {
            switch reader.next() {
            case .item: continue
            case .end: return nil
            case .refused(let line, let error): return (line, error)
            }
        }
    }

    /// The next item. After `end` or `refused` there is nothing more to ask for.
    package mutating func next() -> ProfileStep {
        if bytes.count > Profile.bytesMax { return refuse(.tooLong) }
        while true {
            let before = sum
            guard takeLine() else {
                line += 1
                return refuse(line == 1 ? .notAProfile : .noCheck)
            }
            if line == 1 {
                if let error = header() { return refuse(error) }
                continue
            }
            if fields.isBlank { continue }
            if fields.next(is: "check") { return end(before) }
            return step()
        }
    }

    private func refuse(_ error: ProfileError) -> ProfileStep { .refused(line: line, error) }

    /// Goes on to the next whole line; false when there is none.
    private mutating func takeLine() -> Bool {
        var end = position
        while end < bytes.count, bytes[end] != 10 { end += 1 }
        guard end < bytes.count else { return false }
        fields = ProfileFields(bytes, position, end)
        while position <= end {
            sum = Profile.check(sum, bytes[position])
            position += 1
        }
        line += 1
        return true
    }

    private mutating func header() -> ProfileError? {
        guard fields.next(is: "hakmem-profile") else { return .notAProfile }
        guard fields.decimal(max: 1_000_000) == Profile.version else { return .version }
        return fields.isBlank ? nil : .extraField
    }

    private mutating func end(_ before: UInt64) -> ProfileStep {
        let isEdited = fields.next(is: "edited")
        if !isEdited {
            guard let given = fields.hexadecimal() else { return refuse(.badNumber) }
            if given != before { return refuse(.wrongCheck) }
        }
        if !fields.isBlank { return refuse(.extraField) }
        if !hasProgram { return refuse(.noProgram) }
        if position < bytes.count {
            line += 1
            return refuse(.afterCheck)
        }
        return .end(isEdited: isEdited)
    }

    /// Reads the line of an item.
    private mutating func step() -> ProfileStep {
        var item: ProfileItem
        if fields.next(is: "program") {
            guard let key = fields.hexadecimal() else { return fail(.badNumber) }
            if hasProgram { return refuse(.twice) }
            hasProgram = true
            item = .program(key)
        } else if fields.next(is: "strategy") {
            guard let index = fields.strategy() else { return fail(.badName) }
            if hasStrategy { return refuse(.twice) }
            hasStrategy = true
            item = .strategy(index)
        } else if fields.next(is: "rating") {
            guard let index = fields.strategy() else { return fail(.badName) }
            guard let rating = fields.decimal(max: Profile.ratingMax),
                let samples = fields.decimal(max: Profile.samplesMax)
            else { return fail(.badNumber) }
            item = .rating(strategy: index, rating: rating, samples: samples)
        } else if fields.next(is: "rule") {
            guard let site = fields.site() else { return fail(.badOffset) }
            guard let route = fields.route() else { return fail(.badName) }
            guard let growth = fields.decimal(max: Int(SiteRule.growthPercentMax)),
                growth == 0 || growth >= 100
            else { return fail(.badNumber) }
            item = .rule(site, SiteRule(route: route, growthPercent: UInt16(growth)))
        } else {
            return refuse(.unknownItem)
        }
        return fields.isBlank ? .item(item) : refuse(.extraField)
    }

    /// A field that is missing is told from one that is wrong.
    private func fail(_ error: ProfileError) -> ProfileStep {
        refuse(fields.isMissing ? .missingField : error)
    }
}
