// SPDX-License-Identifier: MIT

import Foundation
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    /// What was learnt, on its way to a file and back.
    @Suite struct LearntProfileTests {
        private let path = NSTemporaryDirectory() + "hakmem-profile-\(UUID().uuidString)"

        private func write(_ text: String) throws {
            try text.write(toFile: path, atomically: false, encoding: .utf8)
        }

        /// The key of this program and the file's check over `lines`.
        private func profile(_ lines: String, program: UInt64 = LearntProfile.program) -> String {
            "hakmem-profile 1\nprogram 0x\(String(program, radix: 16))\n\(lines)check edited\n"
        }

        private func champion() -> Int? {
            path.withCString { LearntProfile.load($0) { _, _, _ in } }
        }

        @Test func whatIsSavedIsLoaded() throws {
            defer { unlink(path) }
            try write(profile("strategy grower\nrating grower 1700 12\n"))
            try withLearning(.auto, profile: path) {
                #expect(policy.pointee == strategyTable[9])
                #expect(Evolution.state.pointee.tournament.champion == 9)
                path.withCString { LearntProfile.save($0) }
            }
            let text = try String(contentsOfFile: path, encoding: .utf8)
            #expect(text.contains("strategy grower\n") && text.contains("\nrating grower "))
            #expect(champion() == 9)
            #expect(!FileManager.default.fileExists(atPath: path + ".new"))
        }

        @Test func aFileThatIsNotThereIsNoComplaint() { #expect(champion() == nil) }

        @Test(arguments: [
            "", "something else\n", "hakmem-profile 99\n",
            "hakmem-profile 1\nprogram 0x1\nstrategy default\n",
            "hakmem-profile 1\nprogram 0x1\nstrategy default\ncheck 0x1\n",
        ])
        func damagedFilesAreRefused(text: String) throws {
            defer { unlink(path) }
            try write(text)
            #expect(champion() == nil)
        }

        @Test func anotherProgramsProfileIsRefused() throws {
            defer { unlink(path) }
            try write(profile("strategy grower\n", program: LearntProfile.program ^ 1))
            #expect(champion() == nil)
            try withLearning(.auto, profile: path) {
                #expect(Evolution.state.pointee.tournament.champion == Strategy.defaultIndex)
            }
        }

        @Test func aFileThatCannotBeWrittenLosesNothing() throws {
            let folder = "/nowhere/at/all"
            try withLearning(.auto) {
                folder.withCString { LearntProfile.save($0) }
            }
            #expect(!FileManager.default.fileExists(atPath: folder))
        }
    }
}
