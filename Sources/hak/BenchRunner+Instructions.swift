// SPDX-License-Identifier: MIT
//
// Instructions an operation, counted by callgrind. They repeat to the instruction, where times do
// not. Each figure comes from two processes, of which the second makes twice the operations: the
// difference has neither the start of the process nor the filling of live sets.

/// What callgrind says about a process.
enum Callgrind {
    static let tool = "valgrind"
    static let arguments = ["--tool=callgrind", "--callgrind-out-file=/dev/null"]

    /// The count in a line `==1234== Collected : 5678`.
    static func instructions(in text: String) -> Int? {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 4, words[1] == "Collected", words[2] == ":" else { continue }
            return Int(words[3])
        }
        return nil
    }
}

extension BenchRunner {
    /// Operations of the first process: those of the deepest structure, twice.
    private static let countedOperations = 200_000

    /// Adds the counts to the rows where they mean something; a line for each that failed.
    func countInstructions(
        _ rows: [PlannedRow], into results: inout [BenchRowResult]
    ) throws -> [String] {
        let valgrind: String
        do {
            valgrind = try Executable.find(Callgrind.tool, path: environment["PATH"])
        } catch let failure as Failure {
            return ["instructions: \(failure); install valgrind"]
        }
        var failures: [String] = []
        for (index, row) in rows.enumerated() {
            guard row.isMicro, case .workload(let arguments) = row.task else { continue }
            for place in results[index].cells.indices {
                let name = results[index].cells[place].allocator
                guard let allocator = allocators.first(where: { $0.name == name }) else { continue }
                progress.show("instructions of \(row.row.title) under \(name)")
                do {
                    results[index].cells[place].instructionsPerOperation =
                        try instructionsPerOperation(arguments, valgrind, allocator)
                } catch let failure as CellFailure {
                    failures.append(
                        "instructions of \(row.row.title) under \(name): \(failure.reason)")
                }
            }
        }
        progress.clear()
        return failures
    }

    private func instructionsPerOperation(
        _ arguments: [String], _ valgrind: String, _ allocator: Allocator
    ) throws -> Double {
        func count(_ operations: Int) throws -> (instructions: Int, operations: Int) {
            let child = try Child.run(
                valgrind,
                Callgrind.arguments + [workloads, arguments[0], "--iterations", "\(operations)"]
                    + arguments.dropFirst(3),
                environment: variables(of: allocator))
            guard child.succeeded, let instructions = Callgrind.instructions(in: child.errors)
            else { throw CellFailure(reason: "callgrind ended by \(child.ending)") }
            let report = try WorkloadReport(parsing: child.output)
            if let reason = report.proofFails(for: allocator) {
                throw CellFailure(reason: "NOT SERVED: \(reason)")
            }
            return (instructions, report.header.operations)
        }
        let once = try count(Self.countedOperations)
        let twice = try count(Self.countedOperations * 2)
        guard twice.operations > once.operations else {
            throw CellFailure(reason: "the row makes the same operations whatever it is asked")
        }
        return Double(twice.instructions - once.instructions)
            / Double(twice.operations - once.operations)
    }
}
