// SPDX-License-Identifier: MIT
//
// A profile as the tool works with it. The allocator's own reader and writer do the rest.

import Glibc
import HakmemCoreHosted

/// What a profile says.
struct LearntProfile: Equatable {
    struct Rating: Equatable {
        var rating: Int
        var samples: Int
    }

    var program: UInt64
    /// The champion's number; nil when the profile names none.
    var strategy: Int?
    /// By the strategy's number.
    var ratings: [Int: Rating] = [:]
    /// By the site: MODULE+0xOFFSET.
    var rules: [String: SiteRule] = [:]
    var isEdited = false

    init(program: UInt64) { self.program = program }

    /// Reads a profile, whole or not at all.
    init(path: String) throws {
        guard let bytes = FileContents.bytes(at: path, bytesMax: Profile.bytesMax + 1) else {
            throw Failure("cannot read '\(path)': \(errorText(errno))")
        }
        try self.init(bytes: bytes, name: path)
    }

    init(bytes: [UInt8], name: String) throws {
        self.init(program: 0)
        try bytes.withUnsafeBufferPointer { buffer in
            var reader = ProfileReader(buffer)
            while true {
                switch reader.next() {
                case .item(let item): take(item)
                case .end(let isEdited):
                    self.isEdited = isEdited
                    return
                case .refused(let line, let error):
                    throw Failure("\(name):\(max(line, 1)): \(error.text.description)")
                }
            }
        }
    }

    private mutating func take(_ item: ProfileItem) {
        switch item {
        case .program(let key): program = key
        case .strategy(let index): strategy = index
        case .rating(let index, let rating, let samples):
            ratings[index] = Rating(rating: rating, samples: samples)
        case .rule(let site, let rule):
            let module = String(decoding: site.module, as: UTF8.self)
            rules["\(module)+0x\(String(site.offset, radix: 16))"] = rule
        }
    }

    /// The profile as a file holds it, with its check.
    func bytes() throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Profile.bytesMax)
        let count = bytes.withUnsafeMutableBufferPointer { buffer -> Int? in
            guard let start = buffer.baseAddress else { return nil }
            var writer = ProfileWriter(start, capacity: buffer.count, program: program)
            if let strategy { writer.append(strategy: strategy) }
            for (index, rating) in ratings.sorted(by: { $0.key < $1.key }) {
                writer.append(strategy: index, rating: rating.rating, samples: rating.samples)
            }
            for (site, rule) in rules.sorted(by: { $0.key < $1.key }) {
                LearntProfile.append(site, rule, to: &writer)
            }
            return writer.finish()
        }
        guard let count else {
            throw Failure("the profile is larger than \(Profile.bytesMax) bytes; remove some rules")
        }
        return Array(bytes[..<count])
    }

    private static func append(_ site: String, _ rule: SiteRule, to writer: inout ProfileWriter) {
        guard let plus = site.lastIndex(of: "+"),
            let offset = UInt64(site[site.index(plus, offsetBy: 3)...], radix: 16)
        else { return }
        Array(site[..<plus].utf8).withUnsafeBufferPointer { module in
            _ = writer.append(ProfileSite(module: module, offset: offset), rule)
        }
    }

    /// The two profiles of one program as one: ratings weighted by their samples, the best rated as
    /// the champion, all rules; where rules differ, this profile's.
    func merged(with other: LearntProfile) throws -> LearntProfile {
        guard program == other.program else {
            throw Failure(
                "the profiles are of different programs: \(programText) and \(other.programText)")
        }
        var merged = self
        merged.isEdited = false
        for (index, added) in other.ratings {
            guard let own = ratings[index], own.samples + added.samples > 0 else {
                merged.ratings[index] = ratings[index] ?? added
                continue
            }
            let samples = own.samples + added.samples
            let sum = own.rating * own.samples + added.rating * added.samples
            merged.ratings[index] = Rating(
                rating: sum / samples, samples: min(samples, Profile.samplesMax))
        }
        merged.strategy = merged.best ?? strategy ?? other.strategy
        merged.rules = rules.merging(other.rules) { own, _ in own }
        return merged
    }

    /// The best rated strategy that has samples.
    private var best: Int? {
        ratings.filter { $0.value.samples > 0 }
            .max { ($0.value.rating, -$0.key) < ($1.value.rating, -$1.key) }?.key
    }

    var programText: String { "0x" + String(program, radix: 16) }

    /// A strategy's name; a dash for none.
    static func name(_ strategy: Int?) -> String {
        strategy.map { Strategy.name($0).description } ?? "–"
    }
}
