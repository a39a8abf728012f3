//! Words that Korean places are made of, with their official romanisation.
//!
//! **Source**: Revised Romanization of Korean (2000); sound changes within a word are written (`목련` Mongnyeon),
//! those before `-ro`, `-gil`, `-dong` are not, as on street signs.

use crate::names::Names;

/// Roots of street and neighbourhood names.
pub(crate) const ROOTS: [(&str, &str); 72] = [
    ("한빛", "Hanbit"),
    ("새벽", "Saebyeok"),
    ("은하", "Eunha"),
    ("달맞이", "Dalmaji"),
    ("솔밭", "Solbat"),
    ("느티", "Neuti"),
    ("단풍", "Danpung"),
    ("매화", "Maehwa"),
    ("무궁화", "Mugunghwa"),
    ("청솔", "Cheongsol"),
    ("갈대", "Galdae"),
    ("물빛", "Mulbit"),
    ("바람", "Baram"),
    ("노을", "Noeul"),
    ("아침", "Achim"),
    ("햇살", "Haetsal"),
    ("가온", "Gaon"),
    ("나래", "Narae"),
    ("다솜", "Dasom"),
    ("라온", "Raon"),
    ("마루", "Maru"),
    ("미리내", "Mirinae"),
    ("보람", "Boram"),
    ("새솔", "Saesol"),
    ("시내", "Sinae"),
    ("아름", "Areum"),
    ("여울", "Yeoul"),
    ("윤슬", "Yunseul"),
    ("초롱", "Chorong"),
    ("푸른", "Pureun"),
    ("하늘", "Haneul"),
    ("한솔", "Hansol"),
    ("해오름", "Haeoreum"),
    ("동백", "Dongbaek"),
    ("목련", "Mongnyeon"),
    ("벚꽃", "Beotkkot"),
    ("연꽃", "Yeonkkot"),
    ("장미", "Jangmi"),
    ("소나무", "Sonamu"),
    ("버들", "Beodeul"),
    ("향교", "Hyanggyo"),
    ("서당", "Seodang"),
    ("역전", "Yeokjeon"),
    ("봉화", "Bonghwa"),
    ("성곽", "Seonggwak"),
    ("옛성", "Yetseong"),
    ("선비", "Seonbi"),
    ("도자기", "Dojagi"),
    ("한지", "Hanji"),
    ("비단", "Bidan"),
    ("나루", "Naru"),
    ("돛배", "Dotbae"),
    ("갈매기", "Galmaegi"),
    ("두루미", "Durumi"),
    ("까치", "Kkachi"),
    ("제비", "Jebi"),
    ("사슴", "Saseum"),
    ("반디", "Bandi"),
    ("구들", "Gudeul"),
    ("아랫목", "Araenmok"),
    ("화로", "Hwaro"),
    ("장작", "Jangjak"),
    ("옹기", "Onggi"),
    ("돌담", "Doldam"),
    ("대청", "Daecheong"),
    ("사랑", "Sarang"),
    ("누리", "Nuri"),
    ("온누리", "Onnuri"),
    ("큰숲", "Keunsup"),
    ("작은샘", "Jageunsaem"),
    ("모래내", "Moraenae"),
    ("배나무", "Baenamu"),
];

/// Bridges over the river, from the west.
pub(crate) const BRIDGES: [(&str, &str); 5] = [
    ("서온대교", "Seoon Bridge"),
    ("나루대교", "Naru Bridge"),
    ("온돌대교", "Ondol Bridge"),
    ("동온대교", "Dongon Bridge"),
    ("해돋이대교", "Haedoji Bridge"),
];

/// One of a kind: landmark, its rank, whether it has a taxi stand.
pub(crate) const LANDMARKS: [(&str, &str, u8, bool); 34] = [
    ("온돌시청", "Ondol City Hall", 90, true),
    ("온돌대학교", "Ondol University", 85, true),
    ("온돌대학교병원", "Ondol University Hospital", 90, true),
    ("온돌종합버스터미널", "Ondol Bus Terminal", 90, true),
    ("온돌여객선터미널", "Ondol Ferry Terminal", 80, true),
    ("중앙시장", "Jungang Market", 80, true),
    ("북문시장", "Bungmun Market", 70, true),
    ("남문시장", "Nammun Market", 70, true),
    ("온돌종합운동장", "Ondol Sports Complex", 80, true),
    ("온돌시립미술관", "Ondol Museum of Art", 75, true),
    ("온돌박물관", "Ondol Museum", 75, true),
    ("온돌백화점", "Ondol Department Store", 80, true),
    ("온돌컨벤션센터", "Ondol Convention Center", 80, true),
    ("온돌예술회관", "Ondol Arts Center", 75, true),
    ("온돌시립도서관", "Ondol City Library", 70, false),
    ("새빛병원", "Saebit Hospital", 75, true),
    ("한결병원", "Hangyeol Hospital", 75, true),
    ("호텔 온돌", "Hotel Ondol", 75, true),
    ("나루호텔", "Naru Hotel", 70, true),
    ("강변호텔", "Gangbyeon Hotel", 70, false),
    ("구들공원", "Gudeul Park", 70, true),
    ("강변공원", "Gangbyeon Park", 70, true),
    ("온돌타워", "Ondol Tower", 75, true),
    ("온돌향교", "Ondol Hyanggyo", 60, false),
    ("온돌성당", "Ondol Cathedral", 60, false),
    ("보광사", "Bogwangsa Temple", 60, false),
    ("온돌경찰서", "Ondol Police Station", 70, false),
    ("온돌소방서", "Ondol Fire Station", 60, false),
    ("온돌우체국", "Ondol Post Office", 60, false),
    ("온돌지방법원", "Ondol District Court", 70, true),
    ("온돌세무서", "Ondol Tax Office", 60, false),
    ("온돌고등학교", "Ondol High School", 60, false),
    ("온돌수목원", "Ondol Arboretum", 65, true),
    ("온돌동물원", "Ondol Zoo", 75, true),
];

/// What every neighbourhood has.
pub(crate) const LOCAL: [(&str, &str, u8); 6] = [
    (" 주민센터", " Community Center", 60),
    ("초등학교", " Elementary School", 50),
    ("아파트", " Apartments", 55),
    ("교회", " Church", 40),
    ("약국", " Pharmacy", 40),
    ("카페", " Cafe", 40),
];

/// `한빛대로`, `Hanbit-daero`.
pub(crate) fn avenue((ko, en): (&str, &str)) -> Names {
    Names::pair(&format!("{ko}대로"), &format!("{en}-daero"))
}

/// `한빛로`, `Hanbit-ro`.
pub(crate) fn road((ko, en): (&str, &str)) -> Names {
    Names::pair(&format!("{ko}로"), &format!("{en}-ro"))
}

/// `한빛로12길`, `Hanbit-ro 12-gil`: the twelfth street off a road.
pub(crate) fn side_street(road: &Names, number: u32) -> Names {
    let en = road.en.as_deref().unwrap_or_default();
    Names::pair(&format!("{}{number}길", road.local), &format!("{en} {number}-gil"))
}

/// `한빛동`, `Hanbit-dong`.
pub(crate) fn neighbourhood((ko, en): (&str, &str)) -> Names {
    Names::pair(&format!("{ko}동"), &format!("{en}-dong"))
}

/// `한빛역`, `Hanbit Station`.
pub(crate) fn station((ko, en): (&str, &str)) -> Names {
    Names::pair(&format!("{ko}역"), &format!("{en} Station"))
}

/// `중앙시장 택시 승강장`, `Jungang Market Taxi Stand`.
pub(crate) fn stand(of: &Names) -> Names {
    let en = of.en.as_deref().unwrap_or_default();
    Names::pair(&format!("{} 택시 승강장", of.local), &format!("{en} Taxi Stand"))
}
