// SPDX-License-Identifier: MIT
//
// What the recorder of `hak trace` shows and needs.

import Foundation
import Testing

@Suite(.enabled(if: Binary.isBuilt, "the library is not built beside the tests"))
struct RecorderTests {
    private static let path =
        URL(fileURLWithPath: Binary.path).deletingLastPathComponent().path + "/libhakmem-trace.so"

    private func names(_ option: String) throws -> Set<String> {
        let lines = try Binary.lines(["nm", "llvm-nm"], ["-D", option, RecorderTests.path])
        return Set(
            lines.compactMap { line in
                line.split(separator: " ").last.map { String($0.split(separator: "@")[0]) }
            })
    }

    /// A call that it did not stand in front of would give it addresses that it does not know.
    @Test func itShowsWhatItsScriptSays() throws {
        let script = SourceTree.root.path + "/Sources/HakmemTrace/exports.ld"
        let body = try String(contentsOfFile: script, encoding: .utf8)
            .components(separatedBy: "global:")[1].components(separatedBy: "local:")[0]
        let known = body.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
        #expect(try names("--defined-only") == Set(known))
    }

    /// Nothing that it calls may call malloc for an event; libc is all that it knows.
    @Test func itNeedsTheCLibraryOnly() throws {
        let allowed: Set = [
            "__errno_location", "__libc_calloc", "__libc_free", "__libc_malloc", "__libc_memalign",
            "__libc_pvalloc", "__libc_realloc", "__libc_valloc", "__register_atfork", "dlopen",
            "dlsym", "getpid", "getppid", "mmap", "munmap", "pthread_key_create",
            "pthread_setspecific", "strncmp", "syscall",
            // Weak: present where the program has them.
            "_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable", "__cxa_finalize",
            "__gmon_start__",
        ]
        for name in try names("--undefined-only").subtracting(allowed) {
            Issue.record("it needs \(name)")
        }
    }

    /// It is to be initialised before all other libraries.
    @Test func itComesFirst() throws {
        let words = ["-d", "-W", RecorderTests.path]
        let dynamic = try Binary.lines(["readelf", "llvm-readelf"], words)
        #expect(dynamic.contains { $0.contains("INITFIRST") })
    }
}
