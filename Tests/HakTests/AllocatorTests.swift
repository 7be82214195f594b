// SPDX-License-Identifier: MIT

import Foundation
import Testing

@testable import hak

@Suite struct AllocatorTests {
    @Test func namesAndPathsParse() throws {
        let choice = try AllocatorChoice(parsing: "hakmem,system,mimalloc3,tbb,mine=/lib/my.so")
        #expect(
            choice
                == .named([
                    .hakmem, .system, .peer("mimalloc"), .peer("tbb"),
                    .custom(name: "mine", path: "/lib/my.so"),
                ]))
        #expect(try AllocatorChoice(parsing: nil) == .everyInstalled)
    }

    @Test func wrongNamesSayWhatThereIs() {
        let failure = #expect(throws: Failure.self) { try AllocatorChoice(parsing: "dlmalloc") }
        #expect(failure?.description.contains("'dlmalloc'") == true)
        #expect(failure?.description.contains("jemalloc") == true)
        #expect(throws: Failure.self) { try AllocatorChoice(parsing: "mine=") }
        #expect(throws: Failure.self) { try AllocatorChoice(parsing: "=/lib/my.so") }
    }

    @Test func theModesOfLearningHaveNames() throws {
        let choice = try AllocatorChoice(parsing: "hakmem-baseline,hakmem-evolving")
        #expect(
            choice
                == .named([
                    .variant(
                        of: .hakmem, name: "hakmem-baseline", variables: ["HAKMEM_EVO": "off"]),
                    .variant(
                        of: .hakmem, name: "hakmem-evolving",
                        variables: ["HAKMEM_MODE": "learning"]),
                ]))
    }

    @Test func anAllocatorTwiceIsRefused() throws {
        let choice = try AllocatorChoice(parsing: "glibc,system")
        #expect(throws: Failure.self) { try choice.allocators(hakmem: { "" }, folders: []) }
    }

    @Test func theSystemNeedsNoLibrary() throws {
        let choice = try AllocatorChoice(parsing: "glibc")
        #expect(
            try choice.allocators(hakmem: { "" }, folders: [])
                == [Allocator(name: "glibc", library: nil)])
    }

    @Test func anAbsentPeerIsAFailureOnlyWhenNamed() throws {
        let failure = #expect(throws: Failure.self) {
            try AllocatorChoice(parsing: "jemalloc").allocators(hakmem: { "" }, folders: [])
        }
        #expect(failure?.description.contains("install-peers.sh") == true)
    }

    @Test func theFirstFolderWins() throws {
        let jemalloc = try #require(Peer.all.first { $0.name == "jemalloc" })
        let found = jemalloc.find(in: ["/a", "/b", "/c"]) { $0 != "/a/libjemalloc.so.2" }
        #expect(found == "/b/libjemalloc.so.2")
        #expect(jemalloc.find(in: ["/a"]) { _ in false } == nil)
    }

    @Test func variablesMakeAVariant() throws {
        let choice = try AllocatorChoice(parsing: "glibc+A_1=x+B=,mimalloc-nothp,m=/a+b/m.so")
        #expect(
            choice
                == .named([
                    .variant(
                        of: .system, name: "glibc+A_1=x+B=", variables: ["A_1": "x", "B": ""]),
                    .variant(
                        of: .peer("mimalloc"), name: "mimalloc-nothp",
                        variables: ["MIMALLOC_ALLOW_THP": "0"]),
                    .custom(name: "m", path: "/a+b/m.so"),
                ]))
        let variant = try AllocatorChoice(parsing: "glibc+A=1").allocators(
            hakmem: { "" }, folders: [])
        #expect(variant[0].role == .variant)
        #expect(variant[0].variables == ["A": "1"])
        #expect(
            variant[0].environment(over: ["B": "2", "LD_PRELOAD": "/x.so"])
                == ["A": "1", "B": "2"])
    }

    @Test func hugePagesAreAColumnOfTheirOwn() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/peers-\(getpid())"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // Any shared library will do.
        let library = try #require(
            MappedObjects(parsing: FileContents.text(at: "/proc/self/maps") ?? "")
                .path(ofAny: ["libc.so.6"]))
        try FileManager.default.createSymbolicLink(
            atPath: folder + "/libmimalloc.so.3", withDestinationPath: library)
        func contestants(_ variants: AllocatorChoice.Variants) throws -> [Allocator] {
            try AllocatorChoice.everyInstalled.allocators(
                hakmem: { library }, folders: [folder], variants: variants)
        }
        #expect(try contestants(.none).map(\.name) == ["hakmem", "glibc", "mimalloc"])
        let all = try contestants(.all)
        #expect(all.map(\.name).suffix(2) == ["mimalloc-nothp", "hakmem-huge"])
        #expect(all.suffix(2).map(\.role) == [.variant, .variant])
        #expect(all[3].variables == ["MIMALLOC_ALLOW_THP": "0"])
        #expect(try contestants(.few).map(\.name).last == "mimalloc-nothp")
    }
}
