// SPDX-License-Identifier: MIT
//
// Runs one benchmark workload in a process that holds nothing else, and reports what it cost.
//
//   workloads --list
//   workloads SCENARIO [--iterations N] [--warmup N] [--threads N] [--live N] [--touch] [--idle]
//   workloads program [--preload LIBRARY] [--prove] -- COMMAND ARGUMENTS
//   workloads replay FILE [--touch none|ends|pages] [--alone]
//
// The process is libc and the workload: no Swift runtime, whose own allocations would be served
// by the allocator under test. Memory of the harness is mapped, never allocated.

import CWorkload

start(Arguments.ofProcess())

func start(_ arguments: Arguments) {
    guard let name = arguments[1] else {
        fail("no scenario given; `workloads --list` names them", status: ExitStatus.usage)
    }
    if matches(name, "--list") {
        listWorkloads()
    } else if matches(name, "program") {
        runProgram(arguments)
    } else if matches(name, "replay") {
        runReplay(arguments)
    } else if let workload = Workload.named(name) {
        runWorkload(workload, arguments)
    } else {
        fail("unknown scenario, `workloads --list` names them: ", name, status: ExitStatus.usage)
    }
}
