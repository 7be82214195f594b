// SPDX-License-Identifier: MIT
//
// `hak bench run`, which `hak bench` alone means, too.

import ArgumentParser
import FoundationEssentials
import Glibc

struct BenchRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Measures workloads and real programs under every allocator.",
        usage: """
            hak bench [--quick] [--family <names>] [--scenario <names>] [<options>]
            hak bench [<options>] --program -- <command> [<argument> …]
            """,
        discussion: """
            Every figure comes from processes of their own, run in rounds: all rows under all \
            allocators, then again. The exit status is 1 when a process was not served by the \
            allocator that it is named for.
            """
    )

    @Option(
        help: ArgumentHelp(
            """
            Allocators, separated by commas: hakmem, hakmem-huge (huge pages where blocks \
            of 2 MiB are mapped), hakmem-baseline (does not learn), hakmem-evolving (learns), \
            glibc (or system), mimalloc, mimalloc-nothp (no huge pages), mimalloc2, jemalloc, \
            tcmalloc, tbb, NAME=PATH, or one of them with +VARIABLE=VALUE behind it. Default: \
            hakmem and all that are installed, with mimalloc-nothp, and hakmem-huge without --quick.
            """, valueName: "names"))
    var allocator: String?

    @Option(help: ArgumentHelp("Rows, separated by commas; default: all.", valueName: "names"))
    var scenario: String?

    @Option(
        help: ArgumentHelp("Families of rows, separated by commas.", valueName: "names"))
    var family: String?

    @Option(
        help: ArgumentHelp(
            "Thread counts, separated by commas, of the rows that take them.",
            valueName: "counts"))
    var threads: String?

    @Flag(help: "The rows that matter most, in two minutes.")
    var quick = false

    @Option(
        help: ArgumentHelp(
            "Operations in a process, with --scenario; default: the row's own.", valueName: "n"))
    var iterations: Int?

    @Option(
        help: ArgumentHelp("Rounds; default: as many as the time allows.", valueName: "n"))
    var repetitions: Int?

    @Option(help: ArgumentHelp("Write the results to this file, too.", valueName: "file"))
    var json: String?

    @Option(
        help: ArgumentHelp("Draw the results as one HTML page, too.", valueName: "file"))
    var html: String?

    @Option(
        help: ArgumentHelp(
            "Keep the traces that are recorded in this folder, and use those that are there.",
            valueName: "folder"))
    var traces: String?

    @Option(help: ArgumentHelp("hakmem's library, instead of the one found.", valueName: "path"))
    var library: String?

    @Flag(help: "Look at every workload's first process after an idle second, as a full run does.")
    var idle = false

    @Flag(help: "Count instructions an operation with callgrind, in the rows that allow it.")
    var instructions = false

    @Flag(help: "Show how far it is even where standard error is no terminal.")
    var progress = false

    @Flag(help: "Name the rows and end.")
    var list = false

    @Flag(help: "Run the command given behind -- under each allocator.")
    var program = false

    @Argument(parsing: .captureForPassthrough, help: .hidden)
    var command: [String] = []

    /// The command without the `--` in front of it.
    private var words: [String] {
        command.first == "--" ? Array(command.dropFirst()) : command
    }

    func validate() throws {
        if let repetitions, repetitions < 1 {
            throw ValidationError("--repetitions \(repetitions): give a number from 1 up.")
        }
        if let iterations, iterations < 1 {
            throw ValidationError("--iterations \(iterations): give a number from 1 up.")
        }
        for word in threads?.split(separator: ",") ?? [] where (Int(word) ?? 0) < 1 {
            throw ValidationError("--threads '\(word)': give numbers from 1 up: 1,2,16")
        }
        if program {
            if words.isEmpty {
                throw ValidationError("No command: hak bench --program -- COMMAND ARGUMENTS")
            }
            if scenario != nil || family != nil || iterations != nil || traces != nil {
                throw ValidationError(
                    "--scenario, --family, --iterations and --traces do not go with --program.")
            }
        } else if iterations != nil, scenario == nil {
            throw ValidationError(
                "--iterations needs --scenario: rows differ in what an operation costs.")
        } else if let stray = words.first {
            throw ValidationError(
                "'\(stray)' is no option; a command to compare needs --program in front.")
        }
    }

    func run() throws {
        try Self.checkWritable(json, of: "--json")
        try Self.checkWritable(html, of: "--html")
        let environment = ProcessInfo.processInfo.environment
        let allocators = try AllocatorChoice(parsing: allocator).allocators(
            hakmem: { try Library.find(requested: library, environment: environment) },
            folders: Peer.folders(), variants: quick || program ? .few : .all)
        let effort = self.effort
        let runner = BenchRunner(
            workloads: try Library.workloads(), environment: environment, allocators: allocators,
            effort: effort, progress: Progress(isWanted: progress))
        var document = BenchDocument(allocators: allocators, rounds: effort.rounds)
        let workloads = program ? [] : try runner.listedWorkloads()
        if list {
            printList(workloads)
            return
        }
        var folder: ProgramFolder?
        defer { folder?.remove() }
        let planned = try plan(workloads, runner) {
            let made = try folder ?? ProgramFolder(environment: environment)
            folder = made
            return made
        }
        document.skipped = planned.skipped
        document.rows = try runner.compare(planned.rows)
        if instructions {
            document.skipped += try runner.countInstructions(planned.rows, into: &document.rows)
        }
        print(document.text(), terminator: "")
        fflush(nil)
        if let json { try FileContents.write(document.encoded(), to: json) }
        if let html {
            try FileContents.write(Array(BenchPage(document).html().utf8), to: html)
        }
        guard document.failures.isEmpty else {
            for failure in document.failures { complain(failure) }
            throw ExitCode(1)
        }
    }

    /// The rows that are asked for, and what had to be left out.
    private func plan(
        _ workloads: [Workload], _ runner: BenchRunner, in folder: () throws -> ProgramFolder
    ) throws -> (rows: [PlannedRow], skipped: [String]) {
        if program {
            let row = BenchRow(
                name: FileContents.name(of: words[0]), family: RealProgram.family,
                summary: words.joined(separator: " "))
            return ([PlannedRow(row: row, task: .program(words))], [])
        }
        let selection = self.selection
        try selection.check(
            names: workloads.map(\.name) + TraceStore.sources.map(\.name)
                + RealProgram.all.map(\.name),
            families: workloads.map(\.family) + [TraceStore.family, RealProgram.family])
        var (rows, skipped) = (selection.rows(of: workloads), [String]())
        if TraceStore.sources.contains(where: selection.includes) {
            let recording = TraceRecording(
                recorder: try Library.recorder(), environment: runner.environment)
            let store = try TraceStore(
                folder: traces ?? folder().path + "/traces", recording: recording)
            let recorded = store.rows(selection, progress: runner.progress)
            rows += recorded.rows
            skipped += recorded.skipped
        }
        let programs = try RealProgram.rows(selection, in: folder, progress: runner.progress)
        return (rows + programs.rows, skipped + programs.skipped)
    }

    private func printList(_ workloads: [Workload]) {
        let selection = self.selection
        for planned in selection.rows(of: workloads) {
            print("\(planned.row.family)\t\(planned.row.title)\t\(planned.row.summary)")
        }
        for source in TraceStore.sources where selection.includes(source) {
            print("\(TraceStore.family)\t\(source.name)\t\(source.summary)")
        }
        for program in RealProgram.all
        where selection.includes(
            name: program.name, family: RealProgram.family, isQuick: program.isQuick)
        {
            print("\(RealProgram.family)\t\(program.name)\t\(program.summary)")
        }
    }

    private var selection: RowSelection {
        func words(_ text: String?) -> [String]? {
            text.map { $0.split(separator: ",").map(String.init) }
        }
        return RowSelection(
            names: words(scenario), families: words(family),
            threads: words(threads)?.compactMap(Int.init), iterations: iterations, isQuick: quick)
    }

    private var effort: BenchEffort {
        var effort = quick ? BenchEffort.quick : .full
        if let repetitions {
            effort = BenchEffort(
                rounds: repetitions, programRounds: repetitions, secondsMax: nil,
                idlesEverywhere: false)
        }
        if idle { effort.idlesEverywhere = true }
        return effort
    }

    /// Refuses a file that could not be written after all the measuring.
    static func checkWritable(_ path: String?, of option: String) throws {
        guard let path, access(FileContents.folder(of: path), W_OK) != 0 else { return }
        throw Failure(
            "\(option) '\(path)': \(errorText(errno)); name a file in a writable folder")
    }
}
