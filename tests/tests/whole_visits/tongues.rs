//! What is called how in each language: what the office offers, and what is said on the way.

use pikir_tests::scene::ORGANIZATION;
use serde_json::{Map, Value, json};

/// Keys of what is offered, in its order.
pub const SERVICES: [&str; 2] = ["passport", "land"];
/// What is rated besides.
pub const CRITERIA: [&str; 2] = ["speed", "courtesy"];
/// Reasons, each with the scores it is offered with.
pub const REASONS: [(&str, &[u8]); 4] = [
    ("waiting", &[1, 2]),
    ("clarity", &[1, 2, 3]),
    ("swiftness", &[3, 4, 5]),
    ("kindness", &[4, 5]),
];

/// A language: its own names, and the words of the terminal in it.
pub struct Tongue {
    pub code: &'static str,
    pub name: &'static str,
    /// Names of the services, the criteria, the reasons.
    pub services: [&'static str; 2],
    pub criteria: [&'static str; 2],
    pub reasons: [&'static str; 4],
    /// The question, then what is asked on the pages: the service, the reasons, the comment.
    pub question: &'static str,
    pub asked: [&'static str; 3],
    /// "Page 2 of 5.", in which 2 stands for any page.
    pub page: &'static str,
    /// All that is said after a rating, and at the end.
    pub thanks: [&'static str; 2],
    /// What the buttons on the way are called: more, next, send.
    pub ways: [&'static str; 3],
    /// What is written by touch, by arrows, by two buttons: the letters that only this language
    /// has, capitals, signs.
    pub comments: [&'static str; 3],
}

pub const TONGUES: [Tongue; 5] = [
    Tongue {
        code: "ky",
        name: "Кыргызча",
        services: ["Паспорт алуу", "Жерди каттоо"],
        criteria: ["Тейлөө ылдамдыгы", "Сылыктык"],
        reasons: ["Кезек күтүү", "Түшүнүктүүлүк", "Тездик", "Жылуу мамиле"],
        question: "Тейлөөнү кандай баалайсыз?",
        asked: [
            "Кайсы кызмат үчүн келдиңиз?",
            "Бааңызга эмне таасир этти?",
            "Дагы айтарыңыз барбы?",
        ],
        page: "2-бет, баары 5.",
        thanks: [
            "Рахмат! Жообуңуз сакталды. Жоопту кайтарып алсаңыз, кененирээк айтсаңыз же бүтүрсөңүз болот.",
            "Рахмат! Жообуңуз сакталды.",
        ],
        ways: ["Кененирээк айтуу", "Кийинки", "Жөнөтүү"],
        comments: [
            "Кезек узун, бирок тейлөө жакшы. Үй-бүлөм ыраазы!",
            "Өңү түзүк. Ырахмат!",
            "Үч өң",
        ],
    },
    Tongue {
        code: "ru",
        name: "Русский",
        services: ["Получение паспорта", "Регистрация земли"],
        criteria: ["Скорость обслуживания", "Вежливость"],
        reasons: [
            "Ожидание в очереди",
            "Понятность",
            "Быстрота",
            "Доброе отношение",
        ],
        question: "Как вы оцениваете обслуживание?",
        asked: [
            "За какой услугой вы обращались?",
            "Что повлияло на вашу оценку?",
            "Хотите что-нибудь добавить?",
        ],
        page: "Страница 2 из 5.",
        thanks: [
            "Спасибо! Ваш ответ сохранён. Вы можете отменить ответ, рассказать подробнее или закончить.",
            "Спасибо! Ваш ответ сохранён.",
        ],
        ways: ["Рассказать подробнее", "Далее", "Отправить"],
        comments: [
            "Объявление висит, а ждём всё ещё 40 минут: почему?",
            "Ёлка, подъезд. Эх, щётка!",
            "Съёмка. Ещё",
        ],
    },
    Tongue {
        code: "be",
        name: "Беларуская",
        services: ["Атрыманне пашпарта", "Рэгістрацыя зямлі"],
        criteria: ["Хуткасць абслугоўвання", "Ветлівасць"],
        reasons: [
            "Чаканне ў чарзе",
            "Зразумеласць",
            "Спраўнасць",
            "Добрыя адносіны",
        ],
        question: "Як вы ацэньваеце абслугоўванне?",
        asked: [
            "Па якую паслугу вы звярталіся?",
            "Што паўплывала на вашу ацэнку?",
            "Хочаце нешта дадаць?",
        ],
        page: "Старонка 2 з 5.",
        thanks: [
            "Дзякуй! Ваш адказ захаваны. Вы можаце адмяніць адказ, расказаць падрабязней або скончыць.",
            "Дзякуй! Ваш адказ захаваны.",
        ],
        ways: ["Расказаць падрабязней", "Далей", "Адправіць"],
        comments: [
            "Сям'я чакала доўга. Ці ёсць іншы дзень?",
            "Ўсё яшчэ ў двары, аб'ява ёсць.",
            "І ў з'ездзе",
        ],
    },
    Tongue {
        code: "kk",
        name: "Қазақша",
        services: ["Төлқұжат алу", "Жерді тіркеу"],
        criteria: ["Қызмет жылдамдығы", "Сыпайылық"],
        reasons: ["Кезек күту", "Түсініктілік", "Тездік", "Жылы қарым-қатынас"],
        question: "Қызмет көрсетуді қалай бағалайсыз?",
        asked: [
            "Қандай қызмет алуға келдіңіз?",
            "Бағаңызға не әсер етті?",
            "Тағы айтарыңыз бар ма?",
        ],
        page: "2-бет, барлығы 5.",
        thanks: [
            "Рақмет! Жауабыңыз сақталды. Жауапты қайтарып ала аласыз, толығырақ айта аласыз немесе аяқтай аласыз.",
            "Рақмет! Жауабыңыз сақталды.",
        ],
        ways: ["Толығырақ айту", "Келесі", "Жіберу"],
        comments: [
            "Әңгіме ұзақ, жауһар кеңес. Өкініш жоқ; үйге бардым!",
            "Ұлы ғалым, һәм өңі бөлек.",
            "Әке үні. Ғұмыр",
        ],
    },
    Tongue {
        code: "en",
        name: "English",
        services: ["Passport", "Land registration"],
        criteria: ["Speed of service", "Courtesy"],
        reasons: ["Waiting in line", "Clarity", "Quickness", "Kindness"],
        question: "How would you rate the service?",
        asked: [
            "What did you come for?",
            "What influenced your rating?",
            "Anything else?",
        ],
        page: "Page 2 of 5.",
        thanks: [
            "Thank you. Your answer is saved. You can take it back, say more, or be done.",
            "Thank you. Your answer is saved.",
        ],
        ways: ["Say more", "Next", "Send"],
        comments: [
            "I don't mind: 20 minutes, but \"window 3\" & its queue?",
            "They're quick. Just a fix!",
            "Zip it. Why",
        ],
    },
];

/// What is offered, in every language, as an administrator imports it.
pub fn offer() -> Value {
    let name = |of: &dyn Fn(&Tongue) -> &'static str| -> Map<String, Value> {
        let names = TONGUES.iter();
        names
            .map(|tongue| (tongue.code.to_owned(), of(tongue).into()))
            .collect()
    };
    let services: Vec<_> = (0..)
        .zip(SERVICES)
        .map(|(at, key): (usize, _)| json!({"key": key, "name": name(&|tongue| tongue.services[at])}))
        .collect();
    let criteria: Vec<_> = (0..)
        .zip(CRITERIA)
        .map(|(at, key): (usize, _)| json!({"key": key, "name": name(&|tongue| tongue.criteria[at])}))
        .collect();
    let reasons: Vec<_> = (0..)
        .zip(REASONS)
        .map(|(at, (key, scores)): (usize, _)| {
            json!({"key": key, "name": name(&|tongue| tongue.reasons[at]), "scores": scores})
        })
        .collect();
    json!({"organizations": [{
        "code": ORGANIZATION,
        "services": services,
        "questionnaire": {"criteria": criteria, "reasons": reasons, "comment": true},
    }]})
}
