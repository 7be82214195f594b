// SPDX-License-Identifier: MIT
//
// Profiles as text for people.

import HakmemCoreHosted

enum LearnText {
    static func show(_ profile: LearntProfile) -> String {
        var text = "program   \(profile.programText)\n"
        text += "champion  \(LearntProfile.name(profile.strategy))\n"
        if profile.isEdited { text += "edited    by hand\n" }
        if !profile.ratings.isEmpty {
            var table = TextTable(
                headings: ["strategy", "rating", "samples"], numericColumns: [1, 2])
            let ordered = profile.ratings.sorted {
                ($1.value.rating, $0.key) < ($0.value.rating, $1.key)
            }
            for (index, rating) in ordered {
                table.append([
                    LearntProfile.name(index), "\(rating.rating)", "\(rating.samples)",
                ])
            }
            text += "\n" + table.plain()
        }
        if !profile.rules.isEmpty {
            var table = TextTable(headings: ["site", "rule", "growth"], numericColumns: [2])
            for (site, rule) in profile.rules.sorted(by: { $0.key < $1.key }) {
                table.append([site, rule.route.word.description, growth(rule)])
            }
            text += "\n" + table.plain()
        }
        return text
    }

    /// What differs; empty when nothing does.
    static func difference(_ one: LearntProfile, _ other: LearntProfile) -> String {
        var table = TextTable(headings: ["item", "one", "other"])
        func compare(_ item: String, _ left: String, _ right: String) {
            if left != right { table.append([item, left, right]) }
        }
        compare("program", one.programText, other.programText)
        compare(
            "champion", LearntProfile.name(one.strategy), LearntProfile.name(other.strategy))
        for index in 0..<Strategy.count {
            compare(
                LearntProfile.name(index), rating(one.ratings[index]),
                rating(other.ratings[index]))
        }
        for site in Set(one.rules.keys).union(other.rules.keys).sorted() {
            compare(site, rule(one.rules[site]), rule(other.rules[site]))
        }
        return table.rows.isEmpty ? "" : table.plain()
    }

    private static func growth(_ rule: SiteRule) -> String {
        rule.growthPercent == 0 ? "–" : "\(rule.growthPercent) %"
    }

    private static func rating(_ rating: LearntProfile.Rating?) -> String {
        rating.map { "\($0.rating) (\($0.samples))" } ?? "–"
    }

    private static func rule(_ rule: SiteRule?) -> String {
        guard let rule else { return "–" }
        return rule.growthPercent == 0
            ? rule.route.word.description : "\(rule.route.word), growth \(growth(rule))"
    }
}
