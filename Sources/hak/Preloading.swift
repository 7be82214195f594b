// SPDX-License-Identifier: MIT
//
// Whether a program really runs on the library here, found out by running one.

import Glibc

/// Tries the preload of the library.
struct Preloading {
    let environment: [String: String]

    /// Findings from the library's file to the answer of a child process.
    func findings(requested: String?) -> [Finding] {
        var findings: [Finding] = []
        if AuxiliaryVector.isSecure(FileContents.bytes(at: "/proc/self/auxv") ?? []) {
            findings.append(
                Finding(
                    "privileges", "this tool runs with raised privileges", .notable,
                    advice: "the loader ignores LD_PRELOAD for such programs"))
        }
        if let existing = environment["LD_PRELOAD"], !existing.isEmpty {
            findings.append(
                Finding(
                    "LD_PRELOAD", existing, .notable,
                    advice: "`hak run` puts hakmem in front of it"))
        }
        let library: String
        do {
            library = try Library.preloadable(
                Library.find(requested: requested, environment: environment))
        } catch {
            return findings + [Finding("library", "\(error)", .broken)]
        }
        findings.append(Finding("library", library))
        findings.append(mapped(library))
        if findings.last?.verdict == .fine { findings.append(serving(library)) }
        return findings
    }

    /// Whether a child has the library in its memory: it prints its own mappings.
    private func mapped(_ library: String) -> Finding {
        let subject = "preloading"
        do {
            let program = try Executable.find("cat", path: environment["PATH"])
            if let obstacle = Executable.obstacle(to: program) {
                return Finding(
                    subject, "\(program) \(obstacle)", .broken,
                    advice: "programs of this system cannot run on hakmem")
            }
            let child = try Child.run(
                program, ["/proc/self/maps"], environment: preloaded(library))
            if !child.succeeded {
                return Finding(
                    subject, "\(program) with the library ends by \(child.ending)", .broken,
                    advice: firstLine(child.errors) ?? "it prints nothing on standard error")
            }
            let objects = MappedObjects(parsing: String(decoding: child.output, as: UTF8.self))
            if objects.paths.contains(library) { return Finding(subject, "the loader maps it") }
            return Finding(
                subject, "\(program) ran without the library", .broken,
                advice: firstLine(child.errors) ?? "the loader ignored LD_PRELOAD in silence")
        } catch {
            return Finding(subject, "\(error)", .broken)
        }
    }

    /// Whether the library serves the calls of a child that allocates.
    private func serving(_ library: String) -> Finding {
        let subject = "serving"
        do {
            let workloads = try Library.workloads()
            let child = try Child.run(
                workloads, ["json", "--iterations", "100"], environment: preloaded(library))
            guard child.succeeded else {
                return Finding(
                    subject, "a program that allocates ends by \(child.ending)", .broken,
                    advice: firstLine(child.errors) ?? "it prints nothing on standard error")
            }
            let report = try WorkloadReport(parsing: child.output)
            let allocator = Allocator.hakmem(library: library)
            if let reason = report.proofFails(for: allocator) {
                return Finding(
                    subject, reason, .broken,
                    advice: "build the library again: `swift build -c release`")
            }
            return Finding(
                subject, "a child's malloc; \(report.header.hakCalls ?? 0) allocations counted")
        } catch let failure as Failure {
            return Finding(subject, "not tried", .notable, advice: failure.description)
        } catch {
            return Finding(subject, "not tried", .notable, advice: "\(error)")
        }
    }

    private func preloaded(_ library: String) -> [String: String] {
        var variables = environment
        variables["LD_PRELOAD"] = library
        variables["HAKMEM_STATS"] = nil
        return variables
    }

    private func firstLine(_ text: String) -> String? {
        text.split(separator: "\n").first.map(String.init)
    }
}

/// What the kernel tells a new process: pairs of words, a key and its value.
enum AuxiliaryVector {
    /// AT_SECURE: the process has got privileges that its caller lacks.
    private static let secure: UInt = 23

    static func isSecure(_ bytes: [UInt8]) -> Bool {
        let word = MemoryLayout<UInt>.size
        return bytes.withUnsafeBytes { raw in
            stride(from: 0, through: raw.count - 2 * word, by: 2 * word).contains { offset in
                raw.loadUnaligned(fromByteOffset: offset, as: UInt.self) == secure
                    && raw.loadUnaligned(fromByteOffset: offset + word, as: UInt.self) != 0
            }
        }
    }
}
