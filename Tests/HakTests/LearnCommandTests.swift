// SPDX-License-Identifier: MIT

import Foundation
import HakmemCoreHosted
import Testing

@testable import hak

@Suite struct LearnCommandTests {
    private func profile(program: UInt64 = 7) -> LearntProfile {
        var profile = LearntProfile(program: program)
        profile.strategy = 1
        profile.ratings = [
            0: LearntProfile.Rating(rating: 1500, samples: 10),
            1: LearntProfile.Rating(rating: 1600, samples: 30),
        ]
        profile.rules = ["a.out+0x10": SiteRule(route: .direct, growthPercent: 0)]
        return profile
    }

    /// Runs `body` with the path of a file that has these contents.
    private func withFile(_ contents: [UInt8], _ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "hak-learn-\(UUID().uuidString)"
        try FileContents.write(contents, to: path)
        defer { unlink(path) }
        try body(path)
    }

    @Test func profilesSurviveTheirFile() throws {
        let bytes = try profile().bytes()
        #expect(try LearntProfile(bytes: bytes, name: "x") == profile())
    }

    @Test func showNamesWhatItFinds() throws {
        let text = LearnText.show(profile())
        for word in ["0x7", "lean", "1600", "a.out+0x10", "direct"] { #expect(text.contains(word)) }
        #expect(text.firstRange(of: "1600")!.lowerBound < text.firstRange(of: "1500")!.lowerBound)
        #expect(LearnText.show(LearntProfile(program: 1)).contains("champion  –"))
    }

    @Test func differencesOnly() {
        #expect(LearnText.difference(profile(), profile()).isEmpty)
        var other = profile()
        other.strategy = 0
        other.rules["b.so+0x1"] = SiteRule(route: .bigCache, growthPercent: 200)
        let text = LearnText.difference(profile(), other)
        #expect(text.contains("champion") && text.contains("b.so+0x1"))
        #expect(text.contains("growth 200 %") && !text.contains("a.out"))
    }

    @Test func mergingWeighsBySamples() throws {
        var other = profile()
        other.ratings = [
            0: LearntProfile.Rating(rating: 1900, samples: 30),
            2: LearntProfile.Rating(rating: 1400, samples: 5),
        ]
        other.rules = [
            "a.out+0x10": SiteRule(route: .pool, growthPercent: 0),
            "c.so+0x2": SiteRule(route: .keepHot, growthPercent: 0),
        ]
        let merged = try profile().merged(with: other)
        #expect(merged.ratings[0] == LearntProfile.Rating(rating: 1800, samples: 40))
        #expect(merged.ratings[1] == profile().ratings[1])
        #expect(merged.ratings[2]?.samples == 5)
        #expect(merged.strategy == 0)
        #expect(merged.rules.count == 2 && merged.rules["a.out+0x10"]?.route == .direct)
    }

    @Test func foreignProfilesDoNotMerge() throws {
        #expect(throws: Failure.self) { try profile().merged(with: profile(program: 8)) }
    }

    @Test func errorsNameFileLineAndReason() throws {
        let failure = #expect(throws: Failure.self) {
            try LearntProfile(bytes: Array("hakmem-profile 1\nmelon\n".utf8), name: "my.profile")
        }
        #expect(failure?.description == "my.profile:2: an item that there is not")
        let missing = #expect(throws: Failure.self) { try LearntProfile(path: "/nowhere/at/all") }
        #expect(missing?.description.contains("/nowhere/at/all") == true)
    }

    @Test func resetKeepsWhoseItIs() throws {
        try withFile(profile().bytes()) { path in
            var reset = try LearnReset.parse([path, "--keep-rules"])
            try reset.run()
            var expected = LearntProfile(program: 7)
            expected.rules = profile().rules
            #expect(try LearntProfile(path: path) == expected)
            reset = try LearnReset.parse([path])
            try reset.run()
            #expect(try LearntProfile(path: path) == LearntProfile(program: 7))
        }
        try withFile(Array("something else".utf8)) { path in
            let reset = try LearnReset.parse([path])
            #expect(throws: Failure.self) { try reset.run() }
            #expect(FileContents.text(at: path) == "something else")
        }
    }
}
