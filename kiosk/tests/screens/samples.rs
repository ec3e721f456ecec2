//! Views to draw: ordinary ones, and the longest that must fit.

use pikir_contract::Score;
use pikir_kiosk::view::adaptation::Adaptation;
use pikir_kiosk::view::{
    Fault, FaultView, LanguageChoice, NewsView, Overlay, QrView, RateMessage, RateView, ScreenView,
    SetupView, Slide, ThanksView, View,
};

pub const LANGUAGES: [&str; 5] = ["ky", "ru", "be", "en", "kk"];

/// 50 characters: the length of a real address with a presence token.
pub const PAYLOAD: &str = "HTTPS://OTZYV.EXAMPLE/Q/K7M4Q2PX/0123456789ABCDEFG";
pub const CLAIM: &str = "https://otzyv.example/activate?user_code=KX7M-4Q2P";

/// 120 characters each, as long as a name may be.
pub fn long_name(language: &str) -> String {
    let name = match language {
        "ky" => {
            "Кыргыз Республикасынын Санариптик өнүктүрүү министрлигине караштуу Бишкек шаарынын № 1 калкты тейлөө борборунун башкармалыгы"
        }
        "be" => {
            "Дзяржаўная ўстанова адукацыі «Ліцэй Беларускага дзяржаўнага ўніверсітэта» пры Міністэрстве адукацыі Рэспублікі Беларусь, Мінск"
        }
        "kk" => {
            "Қазақстан Республикасы Цифрлық даму министрлігінің Астана қаласындағы № 1 халыққа қызмет көрсету орталығының басқармасы"
        }
        "en" => {
            "State Institution “Public Service Centre No. 1 of the City of Bishkek” under the Ministry of Digital Development, Kyrgyz Rep."
        }
        _ => {
            "Государственное учреждение «Центр обслуживания населения № 1 города Бишкек при Министерстве цифрового развития Кыргызстана»"
        }
    };
    name.chars().take(120).collect()
}

fn short_name(language: &str) -> &'static str {
    match language {
        "ky" => "Бишкек ш. № 1 калкты тейлөө борбору",
        "be" => "Ліцэй Беларускага дзяржаўнага ўніверсітэта",
        "kk" => "№ 1 халыққа қызмет көрсету орталығы",
        "en" => "Public Service Centre No. 1, Bishkek",
        _ => "Центр обслуживания населения № 1 г. Бишкек",
    }
}

/// The scale in official words.
pub fn official_words(language: &str) -> [Option<String>; 5] {
    let words = match language {
        "ky" => [
            "өтө канааттандырарлык эмес",
            "канааттандырарлык эмес",
            "канааттандырарлык",
            "жакшы",
            "эң жакшы",
        ],
        "be" => [
            "крайне нездавальняюча",
            "нездавальняюча",
            "здавальняюча",
            "добра",
            "выдатна",
        ],
        "kk" => [
            "өте қанағаттанарлықсыз",
            "қанағаттанарлықсыз",
            "қанағаттанарлық",
            "жақсы",
            "өте жақсы",
        ],
        "en" => [
            "extremely unsatisfactory",
            "unsatisfactory",
            "satisfactory",
            "good",
            "excellent",
        ],
        _ => [
            "крайне неудовлетворительно",
            "неудовлетворительно",
            "удовлетворительно",
            "хорошо",
            "отлично",
        ],
    };
    words.map(|word| Some(word.to_owned()))
}

fn long_question(language: &str) -> &'static str {
    match language {
        "ky" => "Бүгүн ушул терезеде көрсөтүлгөн мамлекеттик кызматтын сапатын кандай баалайсыз?",
        "be" => "Як вы ацэньваеце якасць дзяржаўнай паслугі, аказанай вам сёння ў гэтым акне?",
        "kk" => "Бүгін осы терезеде көрсетілген мемлекеттік қызметтің сапасын қалай бағалайсыз?",
        "en" => {
            "How do you rate the quality of the public service you were given today at this window?"
        }
        _ => {
            "Как вы оцениваете качество государственной услуги, оказанной вам сегодня в этом окне?"
        }
    }
}

pub fn choices(codes: &[&str]) -> Vec<LanguageChoice> {
    let all = [
        ("ky", "КЫР", "Кыргызча"),
        ("ru", "РУС", "Русский"),
        ("be", "БЕЛ", "Беларуская"),
        ("en", "ENG", "English"),
        ("kk", "ҚАЗ", "Қазақша"),
    ];
    all.iter()
        .filter(|(code, ..)| codes.contains(code))
        .map(|(code, label, name)| LanguageChoice {
            code: (*code).into(),
            label: (*label).into(),
            name: (*name).into(),
        })
        .collect()
}

/// An ordinary terminal in three languages, showing `screen`.
pub fn view(language: &str, screen: ScreenView) -> View {
    let codes: &[&str] = match language {
        "be" => &["be", "ru", "en"],
        "kk" => &["kk", "ru", "en"],
        _ => &["ky", "ru", "en"],
    };
    View {
        screen,
        language: language.into(),
        default_language: language.into(),
        languages: choices(codes),
        organization: short_name(language).into(),
        unit: None,
        place: if language == "ky" {
            "2-зал, 4-терезе".into()
        } else {
            "Зал 2, окно 4".into()
        },
        accent: None,
        qr: Some(QrView {
            payload: PAYLOAD.into(),
            address: "otzyv.example".into(),
        }),
        adaptation: Adaptation::default(),
        slide: None,
        announced: None,
        ratings_today: None,
        overlay: None,
        visits: 0,
        idle_left_s: None,
        hint: String::new(),
    }
}

/// The same with everything as long as it may be: five languages, 120 characters of name, a unit.
pub fn long(language: &str, screen: ScreenView) -> View {
    let mut view = view(language, screen);
    view.languages = choices(&LANGUAGES);
    view.organization = long_name(language);
    view.unit = Some("Управление документирования".into());
    view.qr = Some(QrView {
        payload: PAYLOAD.into(),
        address: "otzyv.tazabek.government.example".into(),
    });
    view
}

pub fn rate() -> RateView {
    RateView {
        question: None,
        words: [const { None }; 5],
        pressed: None,
        message: None,
        check_needed: false,
    }
}

/// `rate`, with the hint that the panel needs a look.
pub fn check_needed(rate: RateView) -> RateView {
    RateView {
        check_needed: true,
        ..rate
    }
}

pub fn pressed(score: u8) -> RateView {
    RateView {
        pressed: Score::new(score),
        ..rate()
    }
}

pub fn thanks(undo_left_s: Option<u32>) -> ScreenView {
    ScreenView::Thanks(ThanksView {
        undo_left_s,
        more: false,
    })
}

fn fault(fault: Fault) -> ScreenView {
    let detail = "journal: /var/lib/pikir/journal.db is read-only (Read-only file system, os error 30); remount or replace the card";
    ScreenView::OutOfService(FaultView {
        fault,
        detail: detail.into(),
    })
}

pub fn claim(problem: Option<&str>) -> ScreenView {
    ScreenView::Setup(SetupView::Claim {
        payload: CLAIM.into(),
        address: "https://otzyv.example/activate".into(),
        user_code: "KX7M-4Q2P".into(),
        problem: problem.map(str::to_owned),
    })
}

/// What feedback changed, as long as an official answer may be.
pub fn news(language: &str) -> NewsView {
    let (title, text) = match language {
        "ky" => (
            "Сиз айттыңыз – биз жасадык: дагы эки терезе ачылды",
            "Көпчүлүк кезектин узундугун жазган. 1-ноябрдан тартып түшкү тыныгууда да беш терезе иштейт, ал эми майыптар үчүн өзүнчө терезе бар.",
        ),
        "be" => (
            "Вы сказалі – мы зрабілі: адкрыты яшчэ два акны",
            "Многія пісалі пра доўгую чаргу. З 1 лістапада ў абедзенны час працуюць пяць акон, а для людзей з інваліднасцю ёсць асобнае акно.",
        ),
        "kk" => (
            "Сіз айттыңыз – біз істедік: тағы екі терезе ашылды",
            "Көпшілік кезектің ұзақтығы туралы жазды. 1 қарашадан бастап түскі үзілісте де бес терезе жұмыс істейді, мүгедектігі бар адамдарға жеке терезе бар.",
        ),
        "en" => (
            "You said – we did: two more windows are open",
            "Many wrote about the long queue. From 1 November five windows work at lunch time as well, and there is one for people with disabilities.",
        ),
        _ => (
            "Вы сказали – мы сделали: открыты ещё два окна",
            "Многие писали о длинной очереди. С 1 ноября в обеденное время работают пять окон, а для людей с инвалидностью есть отдельное окно.",
        ),
    };
    NewsView {
        answer: true,
        title: title.into(),
        text: text.into(),
    }
}

/// `view` while nobody is there.
pub fn told(view: View, slide: Slide) -> View {
    View {
        slide: Some(slide),
        ..view
    }
}

/// What lies over a screen, in `language`, by a name for its picture.
pub fn every_overlay(language: &str) -> Vec<(&'static str, View)> {
    let over = |overlay| View {
        overlay: Some(overlay),
        ..long(language, ScreenView::Rate(rate()))
    };
    vec![
        ("panel", over(Overlay::Panel)),
        ("phone", over(Overlay::Phone)),
    ]
}

/// `view` for a visitor who wants the screen so.
pub fn adapted(view: &View, adaptation: Adaptation) -> View {
    View {
        adaptation,
        ..view.clone()
    }
}

/// Every screen in `language`, by a name for its picture.
pub fn every_screen(language: &str) -> Vec<(&'static str, View)> {
    let official = RateView {
        words: official_words(language),
        question: Some(long_question(language).into()),
        ..rate()
    };
    let problem =
        "cannot connect to otzyv.example: connection refused (is the network cable plugged in?)";
    let connecting = SetupView::Connecting {
        portal: "https://otzyv.example".into(),
        problem: Some(problem.into()),
    };
    let mut unclaimed = view(language, claim(Some(problem)));
    (unclaimed.organization, unclaimed.place, unclaimed.qr) = ("Pikir".into(), String::new(), None);
    let alone = |screen| View {
        screen,
        ..unclaimed.clone()
    };
    vec![
        ("rate", view(language, ScreenView::Rate(rate()))),
        ("rate-pressed", view(language, ScreenView::Rate(pressed(2)))),
        (
            "rate-long",
            long(language, ScreenView::Rate(official.clone())),
        ),
        (
            "rate-news",
            told(
                long(language, ScreenView::Rate(rate())),
                Slide::News(news(language)),
            ),
        ),
        (
            "rate-counted",
            told(view(language, ScreenView::Rate(rate())), Slide::Ratings(12)),
        ),
        // More than anybody ever rates in a day.
        (
            "rate-counted-long",
            told(
                long(language, ScreenView::Rate(rate())),
                Slide::Ratings(99_999),
            ),
        ),
        (
            "rate-check-needed",
            view(language, ScreenView::Rate(check_needed(rate()))),
        ),
        (
            "rate-withdrawn",
            view(
                language,
                ScreenView::Rate(RateView {
                    message: Some(RateMessage::Withdrawn),
                    ..rate()
                }),
            ),
        ),
        (
            "rate-not-saved",
            long(
                language,
                ScreenView::Rate(RateView {
                    message: Some(RateMessage::NotSaved),
                    ..official
                }),
            ),
        ),
        ("thanks", view(language, thanks(Some(5)))),
        ("thanks-late", long(language, thanks(None))),
        (
            "thanks-more",
            view(
                language,
                ScreenView::Thanks(ThanksView {
                    undo_left_s: Some(5),
                    more: true,
                }),
            ),
        ),
        (
            "out-of-service-storage",
            long(language, fault(Fault::Storage)),
        ),
        (
            "out-of-service-disk",
            view(language, fault(Fault::DiskFull)),
        ),
        (
            "out-of-service-retired",
            View {
                qr: None,
                ..view(language, fault(Fault::Retired))
            },
        ),
        (
            "out-of-service-configuration",
            view(language, fault(Fault::Configuration)),
        ),
        ("setup-claim", alone(claim(None))),
        ("setup-claim-problem", unclaimed.clone()),
        ("setup-connecting", alone(ScreenView::Setup(connecting))),
        (
            "setup-no-portal",
            alone(ScreenView::Setup(SetupView::NoPortal)),
        ),
    ]
}
