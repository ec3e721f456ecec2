//! Pages of the questionnaire to draw: as many and as long names as an office may have.

use pikir_contract::{MAX_COMMENT_CHARS, Score};
use pikir_kiosk::view::{MoreView, OptionView, PageView, ScreenView, View};

use crate::samples::{long, official_words, view};

fn services(language: &str) -> [&'static str; 12] {
    match language {
        "ky" => [
            "Жарандын паспортун берүү жана алмаштыруу",
            "Жүргүзүүчүлүк күбөлүктү алмаштыруу",
            "Кыймылсыз мүлккө болгон укуктарды каттоо жана көчүрмө берүү",
            "Балага жөлөкпул дайындоо",
            "Жашаган жери боюнча каттоо",
            "Жеке ишкерди мамлекеттик каттоо",
            "Соттуулугу жок экендиги жөнүндө маалымкат",
            "Пенсия дайындоо жана кайра эсептөө",
            "Унаа каражатын каттоодон өткөрүү",
            "Никени каттоо",
            "Туулгандыгы жөнүндө күбөлүк",
            "Башка кызмат",
        ],
        "be" => [
            "Выдача і абмен пашпарта грамадзяніна",
            "Абмен вадзіцельскага пасведчання",
            "Рэгістрацыя правоў на нерухомую маёмасць і выдача выпіскі",
            "Прызначэнне дапамогі на дзіця",
            "Рэгістрацыя па месцы жыхарства",
            "Дзяржаўная рэгістрацыя індывідуальнага прадпрымальніка",
            "Даведка аб адсутнасці судзімасці",
            "Прызначэнне і пералік пенсіі",
            "Рэгістрацыя транспартнага сродку",
            "Рэгістрацыя шлюбу",
            "Пасведчанне аб нараджэнні",
            "Іншая паслуга",
        ],
        "kk" => [
            "Азаматтың жеке куәлігін беру және ауыстыру",
            "Жүргізуші куәлігін ауыстыру",
            "Жылжымайтын мүлікке құқықтарды тіркеу және үзінді көшірме беру",
            "Балаға арналған жәрдемақыны тағайындау",
            "Тұрғылықты жері бойынша тіркеу",
            "Жеке кәсіпкерді мемлекеттік тіркеу",
            "Соттылығының жоқтығы туралы анықтама",
            "Зейнетақыны тағайындау және қайта есептеу",
            "Көлік құралын тіркеу",
            "Некені тіркеу",
            "Туу туралы куәлік",
            "Басқа қызмет",
        ],
        "en" => [
            "Issue and exchange of a citizen’s passport",
            "Exchange of a driving licence",
            "Registration of rights to real estate and issue of an extract",
            "Child benefit",
            "Registration at the place of residence",
            "State registration of a sole trader",
            "Certificate of no criminal record",
            "Award and recalculation of a pension",
            "Registration of a vehicle",
            "Registration of a marriage",
            "Birth certificate",
            "Another service",
        ],
        _ => [
            "Выдача и обмен паспорта гражданина",
            "Обмен водительского удостоверения",
            "Регистрация прав на недвижимое имущество и выдача выписки",
            "Назначение пособия на ребёнка",
            "Регистрация по месту жительства",
            "Государственная регистрация индивидуального предпринимателя",
            "Справка об отсутствии судимости",
            "Назначение и перерасчёт пенсии",
            "Регистрация транспортного средства",
            "Регистрация брака",
            "Свидетельство о рождении",
            "Другая услуга",
        ],
    }
}

fn reasons(language: &str) -> [&'static str; 6] {
    match language {
        "ky" => [
            "Кезек күтүү убактысы",
            "Кызматкердин сылыктыгы",
            "Түшүндүрүүнүн түшүнүктүүлүгү",
            "Залдын тазалыгы жана ыңгайлуулугу",
            "Маселе чечилген жок",
            "Башка себеп",
        ],
        "be" => [
            "Час чакання",
            "Ветлівасць работніка",
            "Зразумеласць тлумачэнняў",
            "Чысціня і ўтульнасць залы",
            "Пытанне не вырашана",
            "Іншая прычына",
        ],
        "kk" => [
            "Кезек күту уақыты",
            "Қызметкердің сыпайылығы",
            "Түсіндірменің түсініктілігі",
            "Залдың тазалығы мен қолайлылығы",
            "Мәселе шешілмеді",
            "Басқа себеп",
        ],
        "en" => [
            "Time spent waiting",
            "Courtesy of the official",
            "Clarity of the explanations",
            "Cleanliness and comfort of the hall",
            "My matter was not settled",
            "Another reason",
        ],
        _ => [
            "Время ожидания",
            "Вежливость сотрудника",
            "Понятность объяснений",
            "Чистота и удобство зала",
            "Вопрос не решён",
            "Другая причина",
        ],
    }
}

fn criterion(language: &str) -> &'static str {
    match language {
        "ky" => "Кызматкердин сылыктыгы жана көңүл буруусу",
        "be" => "Ветлівасць і ўважлівасць работніка",
        "kk" => "Қызметкердің сыпайылығы мен ілтипаттылығы",
        "en" => "Courtesy and attention of the official",
        _ => "Вежливость и внимательность сотрудника",
    }
}

pub fn comment(language: &str) -> String {
    let text = match language {
        "ky" => {
            "Үч терезенин бири гана иштеп жатты, ошондуктан кезек өтө узун болду. Бирок кызматкер баарын түшүндүрүп берди."
        }
        "be" => {
            "Працавала толькі адно акно з трох, таму чарга была вельмі доўгая. Але работнік усё растлумачыў."
        }
        "kk" => {
            "Үш терезенің біреуі ғана жұмыс істеді, сондықтан кезек өте ұзақ болды. Бірақ қызметкер бәрін түсіндірді."
        }
        "en" => {
            "Only one window of three was open, so the queue was very long. But the official explained everything."
        }
        _ => {
            "Работало только одно окно из трёх, поэтому очередь была очень длинной. Но сотрудник всё объяснил."
        }
    };
    text.to_owned()
}

fn options(names: &[&str], chosen: &[usize]) -> Vec<OptionView> {
    let options = names.iter().enumerate().map(|(at, name)| OptionView {
        label: (*name).to_owned(),
        chosen: chosen.contains(&at),
    });
    options.collect()
}

/// Page `page` of five.
pub fn more(page: usize, content: PageView) -> MoreView {
    MoreView {
        page,
        pages: 5,
        content,
        not_saved: false,
    }
}

pub fn comment_page(text: String) -> MoreView {
    let limit = MAX_COMMENT_CHARS;
    more(5, PageView::Comment { text, limit })
}

pub fn reasons_page(language: &str) -> MoreView {
    more(4, PageView::Reasons(options(&reasons(language), &[0, 3])))
}

pub fn services_page(language: &str) -> MoreView {
    more(1, PageView::Service(options(&services(language), &[2])))
}

pub fn criterion_page(language: &str, chosen: Option<u8>) -> MoreView {
    let criterion = PageView::Criterion {
        name: criterion(language).into(),
        words: official_words(language),
        chosen: chosen.and_then(Score::new),
    };
    more(2, criterion)
}

/// Every page of the questionnaire in `language`, by a name for its picture.
pub fn every_page(language: &str) -> Vec<(&'static str, View)> {
    let not_saved = |page| MoreView {
        not_saved: true,
        ..page
    };
    let full = comment(language).chars().cycle().take(MAX_COMMENT_CHARS);
    let pages = [
        ("more-services", services_page(language)),
        ("more-criterion", criterion_page(language, None)),
        (
            "more-criterion-given",
            not_saved(criterion_page(language, Some(3))),
        ),
        ("more-reasons", reasons_page(language)),
        ("more-reasons-not-saved", not_saved(reasons_page(language))),
        ("more-comment-empty", comment_page(String::new())),
        ("more-comment", comment_page(comment(language))),
        ("more-comment-full", not_saved(comment_page(full.collect()))),
    ];
    let drawn = pages.into_iter().map(|(name, page)| {
        let screen = ScreenView::More(page);
        let ordinary = matches!(name, "more-criterion" | "more-comment" | "more-reasons");
        let view = if ordinary {
            view(language, screen)
        } else {
            long(language, screen)
        };
        (name, view)
    });
    drawn.collect()
}
