// SPDX-License-Identifier: MIT

import Testing

@testable import hak

@Suite struct ElfFileTests {
    /// A 64-bit header with one program header of `kind`, behind which `text` lies.
    private func file(machine: UInt8 = 62, kind: UInt8, text: String = "") -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 64 + 56)
        bytes.replaceSubrange(0..<6, with: [0x7F, 0x45, 0x4C, 0x46, 2, 1])
        bytes[16] = 3
        bytes[18] = machine
        bytes[32] = 64
        bytes[54] = 56
        bytes[56] = 1
        bytes[64] = kind
        bytes[64 + 8] = UInt8(bytes.count)
        bytes[64 + 32] = UInt8(text.utf8.count + 1)
        return bytes + Array(text.utf8) + [0]
    }

    @Test func theInterpreterIsRead() throws {
        let elf = try #require(ElfFile(file(kind: 3, text: "/lib64/ld-linux-x86-64.so.2")))
        #expect(elf.interpreter == "/lib64/ld-linux-x86-64.so.2")
        #expect(elf.machineName == "x86-64")
        #expect(Executable.obstacle(in: elf, own: elf) == nil)
    }

    @Test func obstaclesAreNamed() throws {
        let own = try #require(ElfFile(file(kind: 3, text: "/lib64/ld-linux-x86-64.so.2")))
        func obstacle(_ bytes: [UInt8]) throws -> String {
            let elf = try #require(ElfFile(bytes))
            return try #require(Executable.obstacle(in: elf, own: own))
        }
        #expect(try obstacle(file(kind: 1)).contains("statically"))
        #expect(try obstacle(file(kind: 3, text: "/lib/ld-musl-x86_64.so.1")).contains("musl"))
        #expect(try obstacle(file(machine: 183, kind: 3, text: "/x")).contains("AArch64"))
    }

    @Test func whatIsNoElfFileIsRefused() {
        #expect(ElfFile(Array("#!/bin/sh\n".utf8)) == nil)
        #expect(ElfFile([]) == nil)
        #expect(ElfFile([UInt8](repeating: 0, count: 64)) == nil)
    }

    @Test func headersBehindTheEndCountAsAbsent() {
        var bytes = file(kind: 3, text: "/x")
        bytes[32 + 7] = 0x7F
        #expect(ElfFile(bytes)?.interpreter == nil)
        bytes = file(kind: 3, text: "/x")
        bytes[64 + 8 + 7] = 0x7F
        #expect(ElfFile(bytes)?.interpreter == nil)
    }

    @Test func scriptsNameTheirInterpreter() {
        func interpreter(_ text: String) -> String? {
            Executable.interpreter(ofScript: Array(text.utf8))
        }
        #expect(interpreter("#!/bin/sh\necho") == "/bin/sh")
        #expect(interpreter("#! /usr/bin/env python3\n") == "/usr/bin/env")
        #expect(interpreter("echo") == nil)
    }
}
