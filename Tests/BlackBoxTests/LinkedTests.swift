// SPDX-License-Identifier: MIT
//
// Executables with hakmem linked in, as docs/linking.md says: from machine code and from bitcode.

import Foundation
import Testing

/// The archives of scripts/build-static.sh, built once.
enum Archive {
    static let project = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
    static let folder = Product.folder + "/black-box-static"
    static let plain = folder + "/libhakmem.a"
    static let bitcode = folder + "/libhakmem-lto.a"

    /// What the script said, where it failed.
    static let failure: String? = {
        let outcome = Command(["sh", project + "/scripts/build-static.sh", "--lto", folder]).run()
        return outcome.isSuccess ? nil : outcome.errors
    }()

    /// The folder of the Swift toolchain's programs: its clang reads its own bitcode.
    static let tools: String = {
        let text = Command(["swiftc", "-print-target-info"]).run().output
        let key = "\"runtimeResourcePath\": \""
        let path = text.components(separatedBy: key).last?.components(separatedBy: "\"").first
        return (path ?? "").replacingOccurrences(of: "/lib/swift", with: "/bin")
    }()

    /// Links a test program with an archive, and gives its path.
    static func link(_ source: String, _ words: [String], as name: String) throws -> String {
        try #require(failure == nil, "\(failure ?? "")")
        let path = folder + "/" + name
        let command =
            words.prefix(1) + ["-O2", "-I" + project + "/Sources/CHakmem", Sources.path(source)]
            + words.dropFirst() + ["-o", path]
        expectSuccess(Command(Array(command)).run(), Array(command))
        return path
    }

    /// Runs what was linked, without any preloading.
    static func expectRuns(_ path: String) {
        // Every call is counted then.
        var command = Command([path])
        command.environment = ["HAKMEM_STATS": "json", "HAKMEM_STATS_FILE": "/dev/null"]
        let outcome = command.run()
        expectSuccess(outcome, [path])
        #expect(outcome.output == "ok\n")
    }
}

@Suite(.serialized) struct LinkedTests {
    @Test(Installed.needs("gcc", "ld.bfd", "python3"), arguments: [[], ["-static"], ["-no-pie"]])
    func servesProgramsInC(options: [String]) throws {
        let words = ["gcc", "-fno-builtin", "-pthread", Archive.plain] + options
        Archive.expectRuns(try Archive.link("linked.c", words, as: "c\(options.joined())"))
    }

    @Test(
        Installed.needs("g++", "ld.bfd", "python3"),
        arguments: [[], ["-static"], ["-static-libstdc++"]])
    func servesProgramsInCxx(options: [String]) throws {
        let words = ["g++", "-std=c++17", Archive.plain] + options
        Archive.expectRuns(try Archive.link("linked.cpp", words, as: "cxx\(options.joined())"))
    }

    @Test(Installed.needs("swiftc", "ld.bfd", "python3"), arguments: [[], ["-static-stdlib"]])
    func servesProgramsInSwift(options: [String]) throws {
        try #require(Archive.failure == nil)
        let path = Archive.folder + "/swift\(options.joined())"
        let words =
            ["swiftc", "-O", "-I", Archive.project + "/Sources/CHakmem"]
            + ["-module-cache-path", Archive.folder + "/modules", Sources.path("linked.swift")]
            + [Archive.plain, "-o", path] + options
        expectSuccess(Command(words).run(), words)
        Archive.expectRuns(path)
    }

    @Test(Installed.needs("swiftc", "ld.bfd", "python3"), arguments: ["linked.c", "linked.cpp"])
    func servesProgramsOptimizedAsAWhole(source: String) throws {
        let compiler = Archive.tools + (source.hasSuffix(".c") ? "/clang" : "/clang++")
        let words = [compiler, "-flto", "-fuse-ld=lld", "-pthread", Archive.bitcode]
        Archive.expectRuns(try Archive.link(source, words, as: "lto-" + source))
    }

    /// The names between `global:` and `local:` of the version script are global, and no other.
    @Test(Installed.needs("nm", "ld.bfd", "python3")) func showsItsPublicNamesOnly() throws {
        try #require(Archive.failure == nil)
        let script = Archive.project + "/Sources/HakmemCore/exports.ld"
        let body = try String(contentsOfFile: script, encoding: .utf8)
            .components(separatedBy: "global:")[1].components(separatedBy: "local:")[0]
        let names = body.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
        let outcome = Command(["nm", "-g", "--defined-only", Archive.plain]).run()
        let shown = outcome.output.split(separator: "\n").map { $0.split(separator: " ") }
            .filter { $0.count == 3 }.map { String($0[2]) }
        #expect(Set(shown) == Set(names))
    }

    /// In an executable the thread's words are at a fixed distance: nothing is left to the loader.
    @Test(Installed.needs("gcc", "readelf", "ld.bfd", "python3"))
    func itsThreadLocalWordsNeedNoRelocation() throws {
        let words = ["gcc", "-fno-builtin", "-pthread", Archive.plain]
        let program = try Archive.link("linked.c", words, as: "tls")
        let relocations = Command(["readelf", "-rW", program]).run().output
        #expect(relocations.contains("Relocation section"))
        #expect(!relocations.contains("TPOFF"))
    }
}
