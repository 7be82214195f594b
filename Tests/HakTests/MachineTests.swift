// SPDX-License-Identifier: MIT

import Testing

@testable import hak

@Suite struct MachineTests {
    @Test func theChosenWordStandsInBrackets() {
        #expect(Machine.chosenWord("always [madvise] never") == "madvise")
        #expect(Machine.chosenWord("always") == nil)
    }

    @Test func theFirstProcessorGivesTheName() {
        let text = "processor\t: 0\nmodel name\t: Some  CPU @ 2 GHz\nmodel name\t: Other\n"
        #expect(Machine.processorName(in: text) == "Some CPU @ 2 GHz")
        #expect(Machine.processorName(in: "processor : 0\n") == nil)
    }

    @Test func mapsNameEachFileOnce() {
        let text = """
            1000-2000 r--p 00000000 fe:00 11                         /usr/lib/libc.so.6
            2000-3000 r-xp 00001000 fe:00 11                         /usr/lib/libc.so.6
            3000-4000 rw-p 00000000 00:00 0
            4000-5000 rw-p 00000000 00:00 0                          [heap]
            5000-6000 r-xp 00000000 fe:00 12                         /a b/libx.so (deleted)
            """
        let objects = MappedObjects(parsing: text)
        #expect(objects.paths == ["/usr/lib/libc.so.6", "/a b/libx.so"])
        #expect(objects.proofFails(for: Allocator(name: "glibc", library: nil)) == nil)
        #expect(objects.proofFails(for: Allocator(name: "x", library: "/a b/libx.so")) == nil)
        #expect(objects.proofFails(for: Allocator(name: "y", library: "/y.so")) != nil)
    }

    @Test func aProgramThatBringsAnAllocatorIsNotGlibcs() {
        let text = """
            1000-2000 r--p 00000000 fe:00 11 /usr/lib/libc.so.6
            2000-3000 r--p 00000000 fe:00 12 /usr/lib/libjemalloc.so.2
            """
        let reason = MappedObjects(parsing: text)
            .proofFails(for: Allocator(name: "glibc", library: nil))
        #expect(reason?.contains("libjemalloc") == true)
    }

    @Test func findingsKnowTheUnusual() {
        #expect(SystemFindings.hugePages(enabled: "madvise", defrag: "never").verdict == .fine)
        #expect(SystemFindings.hugePages(enabled: "always", defrag: nil).verdict == .notable)
        #expect(SystemFindings.overcommit(mode: "0", ratio: "50").verdict == .fine)
        #expect(SystemFindings.overcommit(mode: "2", ratio: "50").value.contains("50 %"))
        #expect(SystemFindings.mapCount("65530").verdict == .fine)
        #expect(SystemFindings.mapCount("1000").verdict == .notable)
        #expect(SystemFindings.mapCount(nil).verdict == .notable)
    }

    @Test func findingsAlign() {
        let finding = Finding("ab", "value", .broken, advice: "do this")
        #expect(finding.text(subjectWidth: 4) == "X ab    value\n        → do this")
    }

    @Test func secureExecutionIsReadFromTheVector() {
        func bytes(_ words: UInt...) -> [UInt8] { words.withUnsafeBytes { Array($0) } }
        #expect(AuxiliaryVector.isSecure(bytes(6, 4096, 23, 1, 0, 0)))
        #expect(!AuxiliaryVector.isSecure(bytes(23, 0, 0, 0)))
        #expect(!AuxiliaryVector.isSecure([]))
    }

    @Test func endingsAreInWords() {
        #expect(Child.ending(of: 3 << 8) == "exit status 3")
        #expect(Child.ending(of: 9).hasPrefix("signal 9"))
    }
}
