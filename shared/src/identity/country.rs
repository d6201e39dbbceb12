//! Countries: ISO codes, calling codes and the names people type.
//!
//! One text holds what other programs keep in three tables, and the compiler packs it before the tag ships it: packed
//! it takes 0.8 kB compressed, as written 1.2. Leaves to `place` and `phone` what they make of it.

use super::character::Room;
use crate::words::same;

/// A country as the table knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Country {
    /// ISO 3166-1 alpha-2, lower case.
    pub(super) code: [u8; 2],
    /// ISO 3166-1 alpha-3, lower case.
    alpha3: [u8; 3],
    /// Calling code without plus (ITU-T E.164); empty for places without telephones of their own.
    pub(super) calling: &'static [u8],
}

/// How many digits the calling code at the start of `digits` has: what the table lists with one or two digits has
/// those, everything else three (ITU-T E.164, list of assigned codes).
pub(super) fn calling_code_length(digits: &[u8]) -> usize {
    for Country { calling, .. } in Countries::all() {
        if matches!(calling.len(), 1 | 2) && digits.starts_with(calling) {
            return calling.len();
        }
    }
    3
}

/// The country with this ISO alpha-2 code, in either case; `UK` is understood as `GB`.
#[inline(never)]
pub(super) fn by_code(code: &[u8]) -> Option<Country> {
    let code = if same(code, b"uk", true) { b"gb" } else { code };
    Countries::all().find(|country| same(&country.code, code, true))
}

/// The alpha-2 code, in lower case, of the country meant by `squashed`: a code of two or three letters or a name, in
/// lower case without blanks and punctuation. Nothing for a name that is not listed: its first two letters would
/// often be another country.
pub(super) fn named<'a>(squashed: &[u8], room: &mut Room<'a>) -> Option<&'a [u8]> {
    let country = match squashed.len() {
        2 => by_code(squashed),
        3 if !same(squashed, b"uae", false) => {
            Countries::all().find(|country| same(&country.alpha3, squashed, false))
        }
        _ => by_name(squashed),
    };
    Some(room.join(&country?.code, b"", b""))
}

#[cfg(feature = "names")]
fn by_name(squashed: &[u8]) -> Option<Country> {
    by_code(code_of(NAMES, squashed)?.as_bytes())
}

/// Without the table every name is an unknown one.
#[cfg(not(feature = "names"))]
fn by_name(_squashed: &[u8]) -> Option<Country> {
    None
}

/// The code of the entry in `table` that lists `name`. Entries stand apart by blanks, each a code and its names
/// with a colon before every name.
#[cfg(feature = "names")]
pub(super) fn code_of(table: &'static str, name: &[u8]) -> Option<&'static str> {
    let lists = |entry: &&str| entry.split(':').skip(1).any(|known| known.as_bytes() == name);
    table.split(' ').find(lists)?.split(':').next()
}

/// Walks the packed table.
struct Countries {
    rest: &'static [u8],
    /// First letter of the codes that follow.
    first: u8,
}

impl Countries {
    fn all() -> Self {
        Self { rest: PACKED, first: 0 }
    }
}

impl Iterator for Countries {
    type Item = Country;

    #[inline(never)]
    fn next(&mut self) -> Option<Country> {
        let mut byte = || {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            Some(*byte)
        };
        let mut second = byte()?;
        if second == b'-' {
            self.first = byte()?;
            second = byte()?;
        }
        let letter = byte()?;
        let alpha3 = match letter {
            b'!' => [byte()?, byte()?, byte()?],
            b'A'..=b'Z' => [self.first, letter | 0x20, second],
            _ => [self.first, second, letter],
        };
        let digits = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let (calling, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        Some(Country { code: [self.first, second], alpha3, calling })
    }
}

/// [`COUNTRIES`] packed: a dash and the letter with which the alpha-2 codes that follow begin, and for every country
/// the other letter, its alpha-3 code and its calling code. An alpha-3 code that is the alpha-2 code and one more
/// letter is that letter, in upper case when it stands between the two; any other stands whole after a `!`.
const PACKED: &[u8] = PACKED_BYTES.0.split_at(PACKED_BYTES.1).0;
static PACKED_BYTES: ([u8; COUNTRIES.len()], usize) = packed();

const fn packed() -> ([u8; COUNTRIES.len()], usize) {
    let from = COUNTRIES.as_bytes();
    let mut to = [0; COUNTRIES.len()];
    let (mut at, mut end, mut first) = (0, 0, 0);
    while at < from.len() {
        if from[at] != first {
            first = from[at];
            to[end] = b'-';
            to[end + 1] = first;
            end += 2;
        }
        let (second, third) = (from[at + 1], from[at + 4]);
        to[end] = second;
        end += 1;
        if from[at + 2] == first && from[at + 3] == second {
            to[end] = third;
            end += 1;
        } else if from[at + 2] == first && third == second {
            to[end] = from[at + 3].to_ascii_uppercase();
            end += 1;
        } else {
            to[end] = b'!';
            to[end + 1] = from[at + 2];
            to[end + 2] = from[at + 3];
            to[end + 3] = third;
            end += 4;
        }
        at += 5;
        while at < from.len() && from[at].is_ascii_digit() {
            to[end] = from[at];
            end += 1;
            at += 1;
        }
    }
    (to, end)
}

/// Alpha-2 code, alpha-3 code and calling code, one country after the other.
/// ISO 3166-1 with `XK` for Kosovo; calling codes by ITU-T E.164 as libphonenumber lists them (2026-11).
const COUNTRIES: &str = "\
    adand376aeare971afafg93agatg1aiaia1alalb355amarm374aoago244aqataararg54asasm1ataut43auaus61awab\
    w297axala358azaze994babih387bbbrb1bdbgd880bebel32bfbfa226bgbgr359bhbhr973bibdi257bjben229blblm5\
    90bmbmu1bnbrn673bobol591bqbes599brbra55bsbhs1btbtn975bvbvtbwbwa267byblr375bzblz501cacan1cccck61\
    cdcod243cfcaf236cgcog242chche41ciciv225ckcok682clchl56cmcmr237cnchn86cocol57crcri506cucub53cvcp\
    v238cwcuw599cxcxr61cycyp357czcze420dedeu49djdji253dkdnk45dmdma1dodom1dzdza213ececu593eeest372eg\
    egy20ehesh212ereri291esesp34eteth251fifin358fjfji679fkflk500fmfsm691fofro298frfra33gagab241gbgb\
    r44gdgrd1gegeo995gfguf594ggggy44ghgha233gigib350glgrl299gmgmb220gngin224gpglp590gqgnq240grgrc30\
    gssgsgtgtm502gugum1gwgnb245gyguy592hkhkg852hmhmdhnhnd504hrhrv385hthti509huhun36ididn62ieirl353i\
    lisr972imimn44inind91ioiot246iqirq964irirn98isisl354itita39jejey44jmjam1jojor962jpjpn81keken254\
    kgkgz996khkhm855kikir686kmcom269knkna1kpprk850krkor82kwkwt965kycym1kzkaz7lalao856lblbn961lclca1\
    lilie423lklka94lrlbr231lslso266ltltu370lulux352lvlva371lylby218mamar212mcmco377mdmda373memne382\
    mfmaf590mgmdg261mhmhl692mkmkd389mlmli223mmmmr95mnmng976momac853mpmnp1mqmtq596mrmrt222msmsr1mtml\
    t356mumus230mvmdv960mwmwi265mxmex52mymys60mzmoz258nanam264ncncl687nener227nfnfk672ngnga234ninic\
    505nlnld31nonor47npnpl977nrnru674nuniu683nznzl64omomn968papan507peper51pfpyf689pgpng675phphl63p\
    kpak92plpol48pmspm508pnpcnprpri1pspse970ptprt351pwplw680pypry595qaqat974rereu262rorou40rssrb381\
    rurus7rwrwa250sasau966sbslb677scsyc248sdsdn249seswe46sgsgp65shshn290sisvn386sjsjm47sksvk421slsl\
    e232smsmr378snsen221sosom252srsur597ssssd211ststp239svslv503sxsxm1sysyr963szswz268tctca1tdtcd23\
    5tfatftgtgo228ththa66tjtjk992tktkl690tltls670tmtkm993tntun216toton676trtur90tttto1tvtuv688twtwn\
    886tztza255uaukr380uguga256umumiususa1uyury598uzuzb998vavat39vcvct1veven58vgvgb1vivir1vnvnm84vu\
    vut678wfwlf681wswsm685yeyem967ytmyt262zazaf27zmzmb260zwzwe263xkxkx383\
";

/// Names people type, in English, in the country's own languages and, for those most named, in those of their
/// neighbours: alpha-2 code, then the names. English names as in Meta's parameter builder (`StringUtils`,
/// read 2026-11-27).
#[cfg(feature = "names")]
const NAMES: &str = "\
    ad:andorra ae:unitedarabemirates:uae:emirates af:afghanistan ag:antiguaandbarbuda al:albania:shqipëria \
    am:armenia ao:angola ar:argentina at:austria:österreich:oesterreich:autriche:oostenrijk \
    au:australia:australien:australie aw:aruba az:azerbaijan ba:bosniaandherzegovina:bosnia:bosnaihercegovina \
    bb:barbados bd:bangladesh be:belgium:belgique:belgië:belgien:bélgica:belgio bf:burkinafaso \
    bg:bulgaria:българия:bulgarien bh:bahrain:البحرين bi:burundi bj:benin:bénin bm:bermuda \
    bn:brunei:bruneidarussalam bo:bolivia br:brazil:brasil:brasilien:brésil:brasile bs:bahamas:thebahamas bt:bhutan \
    bw:botswana by:belarus:беларусь bz:belize ca:canada:kanada:canadá cd:democraticrepublicofthecongo:drcongo \
    cf:centralafricanrepublic cg:congo:republicofthecongo \
    ch:switzerland:schweiz:suisse:svizzera:suiza:suíça:zwitserland ci:ivorycoast:cotedivoire:côtedivoire cl:chile \
    cm:cameroon:cameroun cn:china:中国:chine:cina co:colombia cr:costarica cu:cuba cv:capeverde:caboverde \
    cw:curacao:curaçao cy:cyprus:κύπρος:kıbrıs cz:czechia:czechrepublic:česko:českárepublika:tschechien \
    de:germany:deutschland:allemagne:alemania:alemanha:germania:duitsland:niemcy dj:djibouti \
    dk:denmark:danmark:dänemark:danemark:dinamarca dm:dominica do:dominicanrepublic:repúblicadominicana \
    dz:algeria:algérie:الجزائر ec:ecuador ee:estonia:eesti eg:egypt:مصر:égypte:ägypten er:eritrea \
    es:spain:españa:espana:spanien:espagne:spagna:espanha:spanje:hiszpania et:ethiopia \
    fi:finland:suomi:finnland:finlande fj:fiji fm:micronesia fo:faroeislands:føroyar \
    fr:france:frankreich:frança:francia:frankrijk:francja ga:gabon \
    gb:unitedkingdom:greatbritain:england:scotland:wales:northernireland:großbritannien:vereinigteskönigreich:royaumeuni:reinounido:regnounito:verenigdkoninkrijk:wielkabrytania \
    gd:grenada ge:georgia:საქართველო gf:frenchguiana:guyane gg:guernsey gh:ghana gi:gibraltar gl:greenland \
    gm:gambia:thegambia gn:guinea:guinée gp:guadeloupe gq:equatorialguinea \
    gr:greece:ελλάδα:griechenland:grèce:grecia:hellas gt:guatemala gu:guam gw:guineabissau gy:guyana hk:hongkong:香港 \
    hn:honduras hr:croatia:hrvatska:kroatien ht:haiti:haïti hu:hungary:magyarország:ungarn:hongrie id:indonesia \
    ie:ireland:éire:irland:irlande:irlanda il:israel:ישראל im:isleofman in:india:भारत:indien:inde:bharat \
    iq:iraq:العراق ir:iran:ایران is:iceland:ísland it:italy:italia:italien:italie:italië:włochy je:jersey jm:jamaica \
    jo:jordan:الأردن jp:japan:日本:japón:japon:japão:giappone ke:kenya kg:kyrgyzstan kh:cambodia ki:kiribati \
    km:comoros kn:saintkittsandnevis kp:northkorea kr:southkorea:korea:republicofkorea:대한민국:한국:südkorea:coréedusud \
    kw:kuwait ky:caymanislands kz:kazakhstan:қазақстан:казахстан la:laos:laopdr lb:lebanon:liban:لبنان lc:saintlucia \
    li:liechtenstein lk:srilanka lr:liberia ls:lesotho lt:lithuania:lietuva lu:luxembourg:luxemburg:lëtzebuerg \
    lv:latvia:latvija ly:libya ma:morocco:maroc:المغرب mc:monaco md:moldova me:montenegro:crnagora mg:madagascar \
    mh:marshallislands mk:northmacedonia:macedonia:македонија ml:mali mm:myanmar:burma mn:mongolia mo:macao:macau:澳門 \
    mq:martinique mr:mauritania ms:montserrat mt:malta mu:mauritius mv:maldives mw:malawi \
    mx:mexico:méxico:mexiko:mexique:messico my:malaysia mz:mozambique:moçambique na:namibia \
    nc:newcaledonia:nouvellecalédonie ne:niger ng:nigeria ni:nicaragua \
    nl:netherlands:thenetherlands:nederland:holland:niederlande:paysbas:paísesbajos:paesibassi:paísesbaixos \
    no:norway:norge:norwegen:norvège:noruega:noreg np:nepal nr:nauru nz:newzealand:neuseeland om:oman:عمان \
    pa:panama:panamá pe:peru:perú pf:frenchpolynesia:polynésiefrançaise pg:papuanewguinea ph:philippines:pilipinas \
    pk:pakistan pl:poland:polska:polen:pologne:polonia:polônia pr:puertorico ps:palestine:stateofpalestine \
    pt:portugal:portugalia:portogallo pw:palau py:paraguay qa:qatar re:reunion:réunion:laréunion \
    ro:romania:românia:rumänien rs:serbia:srbija:србија ru:russia:russianfederation:россия:russland:russie:rusia \
    rw:rwanda sa:saudiarabia:السعودية sb:solomonislands sc:seychelles sd:sudan \
    se:sweden:sverige:schweden:suède:suecia sg:singapore si:slovenia:slovenija:slowenien \
    sk:slovakia:slovensko:slowakei sl:sierraleone sm:sanmarino sn:senegal:sénégal so:somalia sr:suriname \
    ss:southsudan st:saotomeandprincipe:sãotoméepríncipe sv:elsalvador sx:sintmaarten sy:syria sz:eswatini:swaziland \
    tc:turksandcaicosislands td:chad:tchad tg:togo th:thailand:ไทย:ประเทศไทย tj:tajikistan tl:easttimor:timorleste \
    tm:turkmenistan tn:tunisia:tunisie:تونس to:tonga tr:turkey:türkiye:turkiye:türkei:turquie:turquía \
    tt:trinidadandtobago tv:tuvalu tw:taiwan:台灣:臺灣 tz:tanzania ua:ukraine:україна:ukraina ug:uganda \
    us:unitedstates:unitedstatesofamerica:america:estadosunidos:vereinigtestaaten:vereinigtestaatenvonamerika:étatsunis:etatsunis:statiuniti:verenigdestaten:eeuu \
    uy:uruguay uz:uzbekistan va:vatican:vaticancity:holysee vc:saintvincentandthegrenadines ve:venezuela \
    vn:vietnam:việtnam vu:vanuatu ws:samoa xk:kosovo ye:yemen yt:mayotte za:southafrica:südafrika zm:zambia \
    zw:zimbabwe";

#[cfg(test)]
mod tests {
    use super::*;

    fn code(name: &str) -> String {
        let mut memory = [0; 8];
        let code = named(name.as_bytes(), &mut Room::new(&mut memory)).unwrap_or_default();
        String::from_utf8(code.to_vec()).expect("ASCII")
    }

    #[test]
    fn the_packed_table_is_the_written_one() {
        let unpacked: String = Countries::all()
            .map(|Country { code, alpha3, calling }| {
                let letters: String = code.iter().chain(&alpha3).map(|b| char::from(*b)).collect();
                letters + core::str::from_utf8(calling).expect("ASCII")
            })
            .collect();
        assert_eq!(unpacked, COUNTRIES);
        assert!(PACKED.len() < 1_300, "{}", PACKED.len());
    }

    #[test]
    fn the_table_reads_back() {
        assert_eq!(Countries::all().count(), 250);
        for country in Countries::all() {
            assert!(country.code.iter().chain(&country.alpha3).all(|b| b.is_ascii_lowercase()));
            assert!(country.calling.len() <= 3, "{country:?}");
            assert_eq!(by_code(&country.code), Some(country), "two countries share a code");
        }
    }

    #[test]
    fn every_name_belongs_to_one_known_country() {
        for entry in NAMES.split(' ') {
            for name in entry[2..].split(':').skip(1) {
                assert_eq!(code(name), entry[..2], "{name}");
            }
        }
    }

    #[test]
    fn codes_and_names_are_understood() {
        let check = |text, expected: &str| assert_eq!(code(text), expected, "{text}");
        check("us", "us");
        check("uk", "gb");
        check("usa", "us");
        check("deu", "de");
        check("uae", "ae");
        check("österreich", "at");
        check("日本", "jp");
        check("zz", "");
        check("unknownland", "");
        check("un", "");
        check("", "");
        assert_eq!(by_code(b"Gb").map(|country| country.calling), Some(&b"44"[..]));
    }

    #[test]
    fn calling_codes_have_the_length_that_e164_gives_them() {
        const TWO: &str = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 \
                           64 65 66 81 82 84 86 90 91 92 93 94 95 98";
        for code in 0..1_000 {
            let digits = format!("{code:03}");
            let expected = match &digits[..2] {
                _ if digits.starts_with(['1', '7']) => 1,
                two if TWO.split(' ').any(|code| code == two) => 2,
                _ => 3,
            };
            assert_eq!(calling_code_length(digits.as_bytes()), expected, "{digits}");
        }
        assert_eq!(calling_code_length(b""), 3);
    }
}
