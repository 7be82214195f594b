// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct ProfileTests {
    /// A profile with one of everything.
    private func sample(capacity: Int = 4096) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: capacity)
        let module = Array("lib+foo.so.1".utf8)
        let count = bytes.withUnsafeMutableBufferPointer { buffer -> Int? in
            var writer = ProfileWriter(
                buffer.baseAddress!, capacity: capacity, program: 0xDEAD_BEEF)
            writer.append(strategy: 5)
            writer.append(strategy: 5, rating: 1612, samples: 34)
            module.withUnsafeBufferPointer { name in
                _ = writer.append(
                    ProfileSite(module: name, offset: 0x1A2B),
                    SiteRule(route: .bigCache, growthPercent: 150))
            }
            return writer.finish()
        }
        return count.map { Array(bytes[..<$0]) }
    }

    /// The items as text, and "edited" or a refusal at the end.
    private func read(_ bytes: [UInt8]) -> [String] {
        bytes.withUnsafeBufferPointer { buffer in
            var reader = ProfileReader(buffer)
            var found: [String] = []
            while true {
                switch reader.next() {
                case .item(.program(let key)): found.append("program \(key)")
                case .item(.strategy(let index)): found.append("strategy \(index)")
                case .item(.rating(let index, let rating, let samples)):
                    found.append("rating \(index) \(rating) \(samples)")
                case .item(.rule(let site, let rule)):
                    let module = String(decoding: site.module, as: UTF8.self)
                    found.append("\(module) \(site.offset) \(rule.route) \(rule.growthPercent)")
                case .end(let isEdited):
                    #expect(ProfileReader.verify(buffer) == nil)
                    return isEdited ? found + ["edited"] : found
                case .refused(let line, let error):
                    let refusal = ProfileReader.verify(buffer)
                    #expect(refusal?.line == line && refusal?.error == error)
                    return ["\(line): \(error)"]
                }
            }
        }
    }

    private func read(_ text: String) -> [String] { read(Array(text.utf8)) }

    @Test func whatIsWrittenIsRead() throws {
        let bytes = try #require(sample())
        #expect(
            read(bytes) == [
                "program 3735928559", "strategy 5", "rating 5 1612 34",
                "lib+foo.so.1 6699 bigCache 150",
            ])
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        #expect(
            lines.dropLast() == [
                "hakmem-profile 1", "program 0xdeadbeef", "strategy large-keeper",
                "rating large-keeper 1612 34", "rule lib+foo.so.1+0x1a2b bigcache 150",
            ])
        #expect(lines.last?.hasPrefix("check 0x") == true)
    }

    @Test func noDamageGoesUnseen() throws {
        let bytes = try #require(sample())
        for index in bytes.indices {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[index] ^= 1 << UInt8(bit)
                let found = read(damaged)
                #expect(found.count == 1 && found[0].contains(": "), "byte \(index), bit \(bit)")
            }
            #expect(read(Array(bytes[..<index])).count == 1)
        }
        #expect(read(bytes + [10]) == ["7: afterCheck"])
    }

    @Test func aMemoryThatIsTooSmallIsNoticed() throws {
        let count = try #require(sample()).count
        #expect(sample(capacity: count) != nil)
        #expect(sample(capacity: count - 1) == nil)
        #expect(sample(capacity: 1) == nil)
    }

    @Test func editedProfilesAreTaken() {
        let text = """
            hakmem-profile 1
            # what I found on Monday

            program 0x1   # the server
              strategy   lean
            check edited

            """
        #expect(read(text) == ["program 1", "strategy 1", "edited"])
    }

    @Test(arguments: [
        ("", "1: notAProfile"), ("hakmem-profile 1", "1: notAProfile"),
        ("\u{7f}ELF\n", "1: notAProfile"), ("hakmem-profile 2\n", "1: version"),
        ("hakmem-profile\n", "1: version"), ("hakmem-profile 1 x\n", "1: extraField"),
        ("hakmem-profile 1\n", "2: noCheck"),
        ("hakmem-profile 1\nprogram 0x1\n", "3: noCheck"),
        ("hakmem-profile 1\nprogram 0x1\ncheck edited", "3: noCheck"),
        ("hakmem-profile 1\ncheck edited\n", "2: noProgram"),
        ("hakmem-profile 1\nprogram 0x1\ncheck 0x1\n", "3: wrongCheck"),
        ("hakmem-profile 1\nprogram 0x1\ncheck\n", "3: badNumber"),
        ("hakmem-profile 1\nprogram 17\n", "2: badNumber"),
        ("hakmem-profile 1\nprogram 0x12345678901234567\n", "2: badNumber"),
        ("hakmem-profile 1\nprogram 0x1\nprogram 0x1\n", "3: twice"),
        ("hakmem-profile 1\nprogram\n", "2: missingField"),
        ("hakmem-profile 1\nmelon 5\n", "2: unknownItem"),
        ("hakmem-profile 1\nstrategy best\n", "2: badName"),
        ("hakmem-profile 1\nstrategy\n", "2: missingField"),
        ("hakmem-profile 1\nrating lean 10000 1\n", "2: badNumber"),
        ("hakmem-profile 1\nrating lean 99999999999999999999 1\n", "2: badNumber"),
        ("hakmem-profile 1\nrating lean 1500\n", "2: missingField"),
        ("hakmem-profile 1\nrating lean 1500 1 1\n", "2: extraField"),
        ("hakmem-profile 1\nrule a.out pool 0\n", "2: badOffset"),
        ("hakmem-profile 1\nrule +0x1 pool 0\n", "2: badOffset"),
        ("hakmem-profile 1\nrule a.out+0x1 pond 0\n", "2: badName"),
        ("hakmem-profile 1\nrule a.out+0x1 pool 50\n", "2: badNumber"),
        ("hakmem-profile 1\nrule a.out+0x1 pool 401\n", "2: badNumber"),
        ("hakmem-profile 1\nrule a.out+0x1\n", "2: missingField"),
    ])
    func refusalsNameLineAndReason(text: String, refusal: String) {
        #expect(read(text) == [refusal])
    }

    @Test func namesWithBlanksAreNotWritten() {
        var bytes = [UInt8](repeating: 0, count: 4096)
        bytes.withUnsafeMutableBufferPointer { buffer in
            var writer = ProfileWriter(buffer.baseAddress!, capacity: 4096, program: 1)
            for name in ["", "a b", "a\n", String(repeating: "x", count: 121)] {
                Array(name.utf8).withUnsafeBufferPointer { module in
                    let isWritten = writer.append(ProfileSite(module: module, offset: 1), .none)
                    #expect(!isWritten)
                }
            }
            let count = writer.finish()
            #expect(count != nil)
        }
    }

    @Test func everyErrorHasItsText() {
        var texts: Set<String> = []
        var count = 0
        while let error = ProfileError(rawValue: UInt8(count)) {
            texts.insert(error.text.description)
            count += 1
        }
        #expect(texts.count == count && count == Int(ProfileError.afterCheck.rawValue) + 1)
    }

    @Test func aFileBeyondItsBoundIsRefused() {
        let line = "# " + String(repeating: "x", count: 1000) + "\n"
        let text = "hakmem-profile 1\n" + String(repeating: line, count: 300)
        #expect(read(text) == ["0: tooLong"])
    }
}
