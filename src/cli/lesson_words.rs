//! What lessons say around their questions, by language.

use super::courses::Language;

/// The words of one language.
#[derive(Debug)]
pub struct Words {
    /// How the manifest is shown.
    pub manifest: &'static str,
    /// How many requests fail; `{}` is how many are sent.
    pub how_many: &'static str,
    /// For what reason.
    pub why: &'static str,
    /// Before the figures.
    pub simulated: &'static str,
    /// Before the cause.
    pub because: &'static str,
    /// The guess was right.
    pub right: &'static str,
    /// It was not.
    pub wrong: &'static str,
    /// The reader is to save requests.
    pub save: &'static str,
    /// Before what is lost then.
    pub then_lost: &'static str,
    /// It does not come to its end.
    pub stuck: &'static str,
    /// Before the command that shows the answer.
    pub look: &'static str,
    /// Before the command that replays it.
    pub watch: &'static str,
    /// Before the next lesson.
    pub next: &'static str,
    /// The course is over.
    pub over: &'static str,
    /// Letters are asked for.
    pub letters: &'static str,
    /// Of a page: what unfolds an answer.
    pub unfold: &'static str,
    /// Of a page: what saves the requests.
    pub saves: &'static str,
    /// Of a page: how it is to be used.
    pub page: &'static str,
}

const ENGLISH: Words = Words {
    manifest: "(m shows the manifest)",
    how_many: "How many of about {} requests fail?",
    why: "Why?",
    simulated: "Simulated:",
    because: "Most were",
    right: "Right.",
    wrong: "Not so.",
    save: "Try to save them: a setting such as preStop=5s, `hint`, `show`, or an empty line to go on.",
    then_lost: "Then lost:",
    stuck: ", and it does not come to its end",
    look: "The answer:",
    watch: "In motion: ",
    next: "Next:",
    over: "That was the last lesson of this course.",
    letters: "A letter, please.",
    unfold: "The answer",
    saves: "What saves them",
    page: "Guess first; the answers are folded. Printed, they are on the pages after the questions.",
};

const KOREAN: Words = Words {
    manifest: "(m: 매니페스트 보기)",
    how_many: "약 {}개의 요청 가운데 몇 개가 실패할까?",
    why: "왜?",
    simulated: "시뮬레이션:",
    because: "가장 많은 원인:",
    right: "맞았다.",
    wrong: "아니다.",
    save: "요청을 구해 보자: preStop=5s 같은 설정, `hint`(힌트), `show`(답), 빈 줄은 다음으로.",
    then_lost: "그러면 잃는 요청:",
    stuck: ", 그리고 배포가 끝나지 않는다",
    look: "결과 보기:",
    watch: "움직이는 화면:",
    next: "다음:",
    over: "이 과정의 마지막 단계였다.",
    letters: "글자 하나를 입력하라.",
    unfold: "답",
    saves: "요청을 구하는 설정",
    page: "먼저 맞혀 보라. 답은 접혀 있고, 인쇄하면 문제 뒤에 나온다.",
};

/// Those of a language.
pub fn words(language: Language) -> &'static Words {
    match language {
        Language::En => &ENGLISH,
        Language::Ko => &KOREAN,
    }
}
