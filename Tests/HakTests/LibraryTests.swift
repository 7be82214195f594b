// SPDX-License-Identifier: MIT

import Testing

@testable import hak

@Suite struct LibraryTests {
    private func find(
        requested: String? = nil, variable: String? = nil, files: Set<String>
    ) throws -> String {
        try Library.find(
            requested: requested, toolFolder: "/opt/bin",
            environment: variable.map { ["HAKMEM_LIBRARY": $0] } ?? [:],
            exists: files.contains)
    }

    @Test func theOrderOfTheSearch() throws {
        let all: Set = [
            "/x.so", "/opt/bin/libhakmem.so", "/v.so", "/opt/bin/../lib/libhakmem.so",
        ]
        #expect(try find(requested: "/x.so", variable: "/v.so", files: all) == "/x.so")
        #expect(try find(variable: "/v.so", files: all) == "/opt/bin/libhakmem.so")
        let notBeside = all.subtracting(["/opt/bin/libhakmem.so"])
        #expect(try find(variable: "/v.so", files: notBeside) == "/v.so")
        #expect(try find(files: notBeside) == "/opt/bin/../lib/libhakmem.so")
    }

    @Test func aMissingLibrarySaysHowToBuildIt() {
        let failure = #expect(throws: Failure.self) { try find(variable: "/v.so", files: []) }
        #expect(failure?.description.contains("swift build -c release") == true)
        #expect(failure?.description.contains("/v.so") == true)
        #expect(throws: Failure.self) { try find(requested: "/x.so", files: ["/v.so"]) }
    }

    @Test func ourLibraryStandsInFront() {
        #expect(Library.preloadValue(library: "/h.so", existing: nil) == "/h.so")
        #expect(Library.preloadValue(library: "/h.so", existing: "") == "/h.so")
        #expect(Library.preloadValue(library: "/h.so", existing: "/a.so") == "/h.so:/a.so")
    }

    @Test func aTextIsNoLibrary() {
        let failure = #expect(throws: Failure.self) { try Library.preloadable("/proc/version") }
        #expect(failure?.description.contains("no ELF header") == true)
    }
}
