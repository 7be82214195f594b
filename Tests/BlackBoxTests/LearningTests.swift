// SPDX-License-Identifier: MIT
//
// Learning, timing and profiles in real programs.

import Foundation
import Testing

@Suite struct LearningTests {
    private static let stress = [Product.probes, "stress", "2"]
    /// Some 20 windows of whales.
    private static let whales = [
        Product.folder + "/workloads", "vm", "--iterations", "200000",
    ]

    @Test(arguments: ["learning", "research"]) func conformsWhileItLearns(mode: String) {
        expectSuccess([Product.probes, "conformance"], environment: ["HAKMEM_MODE": mode])
    }

    @Test(arguments: ["learn", "frozen", "off", "auto"]) func conformsInEveryLife(evolution: String)
    {
        expectSuccess([Product.probes, "conformance"], environment: ["HAKMEM_EVO": evolution])
    }

    @Test(arguments: [1, 2]) func agreesWithItsModelWhileItLearns(seed: Int) {
        expectSuccess(
            [Product.probes, "model", "100000", "\(seed)"], environment: ["HAKMEM_EVO": "learn"])
    }

    @Test func standsStressWhileItLearns() {
        expectSuccess(LearningTests.stress, environment: ["HAKMEM_EVO": "learn"])
    }

    @Test func windowsAreToldLineByLine() throws {
        let folder = try TemporaryFolder()
        expectSuccess(
            LearningTests.whales,
            environment: ["HAKMEM_EVO": "learn", "HAKMEM_WATCH": folder.path + "/log"])
        let log = try String(contentsOfFile: folder.path + "/log", encoding: .utf8)
        let lines = log.split(separator: "\n")
        #expect(!lines.isEmpty)
        for line in lines {
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
            let fields = try #require(object as? [String: Any])
            #expect(fields["reason"] is String && fields["state"] is String)
        }
    }

    @Test(Installed.needs("python3")) func realProgramsRunWhileTheyLearn() throws {
        let program = "print(sum(len(str(list(range(n)))) for n in range(1500)))"
        try expectSameOutput(
            ["python3", "-c", program],
            environment: ["HAKMEM_EVO": "learn", "PYTHONMALLOC": "malloc"])
    }

    // MARK: Timing

    @Test func timingPrintsItsSections() {
        let outcome = expectSuccess(
            [Product.probes, "model", "20000", "1"], environment: ["HAKMEM_TIMING": "1"])
        #expect(outcome.errors.contains("hakmem: Debug Timing Statistics"))
        for section in ["hak_alloc slow path", "hak_free slow path", "refill", "measuring costs"] {
            #expect(outcome.errors.contains(section), "\(section)")
        }
    }

    @Test func timingIsJSONOnDemand() throws {
        let outcome = expectSuccess(
            [Product.probes, "model", "20000", "1"], environment: ["HAKMEM_TIMING": "json"])
        let object = try JSONSerialization.jsonObject(with: Data(outcome.errors.utf8))
        let fields = try #require(object as? [String: Any])
        let sections = try #require(fields["sections"] as? [[String: Any]])
        let times = sections.compactMap { $0["total_ns"] as? Int }
        #expect(times.count == sections.count && times == times.sorted(by: >))
        let names = Set(sections.compactMap { $0["name"] as? String })
        #expect(names.isSuperset(of: ["syscall_mmap", "syscall_madvise", "whale_get", "tick"]))
        #expect((fields["overhead_ns"] as? Int ?? -1) >= 0)
    }

    @Test func withoutTimingNothingIsPrinted() {
        for environment in [[:], ["HAKMEM_MODE": "learning"], ["HAKMEM_TIMING": "0"]] {
            let outcome = expectSuccess(
                [Product.probes, "model", "5000", "1"], environment: environment)
            #expect(outcome.errors.isEmpty)
        }
    }

    // MARK: Profiles

    private func run(_ path: String, _ more: [String: String] = [:]) -> Outcome {
        expectSuccess(
            LearningTests.whales, environment: ["HAKMEM_PROFILE": path].merging(more) { $1 })
    }

    @Test func aProfileIsSavedAndLoaded() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/profile"
        #expect(run(path, ["HAKMEM_MODE": "learning"]).errors.isEmpty)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.hasPrefix("hakmem-profile 1\nprogram 0x"))
        #expect(text.contains("\nstrategy "))

        let log = folder.path + "/log"
        #expect(run(path, ["HAKMEM_WATCH": log]).errors.isEmpty)
        let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
        #expect(!lines.isEmpty && lines.allSatisfy { $0.contains("\"state\": \"FROZEN\"") })
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(Set(left) == ["profile", "log"])
    }

    /// Sites of malloc, of operator new and of a block that grows are told apart, and known again.
    @Test(Installed.needs("g++")) func rulesOfSitesAreSavedAndKept() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/profile"
        let program = [try Sources.program("sites.cpp")]
        let environment = ["HAKMEM_EVO": "learn", "HAKMEM_PROFILE": path]
        func rules() throws -> [Substring] {
            try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
                .filter { $0.hasPrefix("rule ") }
        }
        expectSuccess(program, environment: environment)
        let learnt = try rules()
        #expect(learnt.count { $0.contains(" bigcache ") } >= 2, "\(learnt)")
        #expect(learnt.contains { ($0.split(separator: " ").last.flatMap { Int($0) } ?? 0) >= 110 })
        #expect(learnt.allSatisfy { $0.contains("+0x") })
        expectSuccess(program, environment: ["HAKMEM_PROFILE": path])
        #expect(Set(try rules()) == Set(learnt))
    }

    /// Children of a fork neither save nor tell: both files are the parent's.
    @Test func forkedChildrenLeaveTheProfileAlone() throws {
        let folder = try TemporaryFolder()
        let log = folder.path + "/log"
        expectSuccess(
            LearningTests.stress,
            environment: [
                "HAKMEM_EVO": "learn", "HAKMEM_WATCH": log,
                "HAKMEM_PROFILE": folder.path + "/profile",
            ])
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        let windows = text.split(separator: "\n").map { $0.prefix { $0 != "," } }
        #expect(windows.count == Set(windows).count)
    }

    @Test func aFixedStrategyIsAProfileAndFrozen() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/profile"
        _ = run(path, ["HAKMEM_EVO": "frozen"])
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let program = try #require(text.split(separator: "\n").dropFirst().first)
        try folder.write(
            "profile", "hakmem-profile 1\n\(program)\nstrategy hoard\ncheck edited\n")
        let log = folder.path + "/log"
        _ = run(path, ["HAKMEM_EVO": "frozen", "HAKMEM_WATCH": log])
        let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
        #expect(!lines.isEmpty && lines.allSatisfy { $0.contains("\"strategy\": \"hoard\"") })
    }

    @Test(arguments: ["garbage\n", "hakmem-profile 1\nprogram 0x1\ncheck edited\n"])
    func aWrongProfileIsRefusedInOneLine(text: String) throws {
        let folder = try TemporaryFolder()
        try folder.write("profile", text)
        let outcome = run(folder.path + "/profile")
        #expect(outcome.errors.hasPrefix("hakmem: profile \(folder.path)/profile"))
        #expect(outcome.errors.split(separator: "\n").count == 1)
        #expect(outcome.errors.contains("the defaults are used"))
    }
}
