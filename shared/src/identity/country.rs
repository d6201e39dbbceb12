//! Countries: ISO codes, calling codes and the names people type.
//!
//! One text holds what other programs keep in three tables, because the tag ships it: at some 1.8 kB it is the
//! largest constant of this module. Leaves to `place` and `phone` what they make of it.

/// A country as the table knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Country {
    /// ISO 3166-1 alpha-2, lower case.
    pub(super) code: &'static str,
    /// ISO 3166-1 alpha-3, lower case.
    alpha3: &'static str,
    /// Calling code without plus (ITU-T E.164); empty for places without telephones of their own.
    pub(super) calling: &'static str,
}

/// The country with this ISO alpha-2 code, in either case; `UK` is understood as `GB`.
pub(super) fn by_code(code: &str) -> Option<Country> {
    let code = if code.eq_ignore_ascii_case("uk") { "gb" } else { code };
    all().find(|country| country.code.eq_ignore_ascii_case(code))
}

/// The country meant by `squashed`: an alpha-2 or alpha-3 code or a name, in lower case without blanks and
/// punctuation. A name that is not listed is nothing: its first two letters would often be another country.
pub(super) fn named(squashed: &str) -> Option<Country> {
    match squashed.len() {
        2 => by_code(squashed),
        3 if squashed != "uae" => all().find(|country| country.alpha3 == squashed),
        _ => by_name(squashed),
    }
}

#[cfg(feature = "names")]
fn by_name(squashed: &str) -> Option<Country> {
    by_code(code_of(NAMES, squashed)?)
}

/// Without the table every name is an unknown one.
#[cfg(not(feature = "names"))]
fn by_name(_squashed: &str) -> Option<Country> {
    None
}

/// The code of the entry in `table` that lists `name`. Entries stand apart by blanks, each a code and its names
/// with a colon before every name.
#[cfg(feature = "names")]
pub(super) fn code_of(table: &'static str, name: &str) -> Option<&'static str> {
    let entry = table.split(' ').find(|entry| entry.split(':').skip(1).any(|known| known == name))?;
    entry.split(':').next()
}

/// Walks the table. No slice here can panic: the texts of such a panic would cost the tag more than the table.
fn all() -> impl Iterator<Item = Country> {
    let mut rest = COUNTRIES;
    std::iter::from_fn(move || {
        let (head, tail) = rest.split_at_checked(5)?;
        let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
        let (calling, next) = tail.split_at_checked(digits)?;
        let (code, alpha3) = head.split_at_checked(2)?;
        rest = next;
        Some(Country { code, alpha3, calling })
    })
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

/// Names people type, in English and in the country's own languages: alpha-2 code, then the names.
#[cfg(feature = "names")]
const NAMES: &str = "\
    ae:unitedarabemirates:uae:emirates ar:argentina at:austria:österreich:oesterreich au:australia \
    be:belgium:belgique:belgië:belgien bg:bulgaria:българия bo:bolivia br:brazil:brasil ca:canada \
    ch:switzerland:schweiz:suisse:svizzera cl:chile cn:china:中国 co:colombia cr:costarica cy:cyprus \
    cz:czechia:czechrepublic:česko:českárepublika de:germany:deutschland:allemagne:alemania dk:denmark:danmark \
    do:dominicanrepublic ec:ecuador ee:estonia:eesti eg:egypt:مصر es:spain:españa:espana:spanien \
    fi:finland:suomi fr:france:frankreich gb:unitedkingdom:greatbritain:england:scotland:wales:northernireland \
    gr:greece:ελλάδα hk:hongkong:香港 hr:croatia:hrvatska hu:hungary:magyarország id:indonesia \
    ie:ireland:éire il:israel:ישראל in:india:भारत is:iceland:ísland it:italy:italia:italien jp:japan:日本 \
    ke:kenya kr:southkorea:korea:republicofkorea:대한민국:한국 kw:kuwait lt:lithuania:lietuva lu:luxembourg:luxemburg \
    lv:latvia:latvija ma:morocco:maroc:المغرب mt:malta mx:mexico:méxico my:malaysia ng:nigeria \
    nl:netherlands:thenetherlands:nederland:holland:niederlande no:norway:norge nz:newzealand pa:panama:panamá \
    pe:peru:perú ph:philippines:pilipinas pk:pakistan pl:poland:polska:polen pt:portugal qa:qatar ro:romania:românia \
    rs:serbia:srbija:србија ru:russia:russianfederation:россия sa:saudiarabia:السعودية se:sweden:sverige \
    sg:singapore si:slovenia:slovenija sk:slovakia:slovensko th:thailand:ไทย:ประเทศไทย tr:turkey:türkiye:turkiye \
    tw:taiwan:台灣 ua:ukraine:україна us:unitedstates:unitedstatesofamerica:america:estadosunidos uy:uruguay \
    ve:venezuela vn:vietnam:việtnam za:southafrica";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads_back() {
        assert_eq!(all().count(), 250);
        for country in all() {
            assert!(country.code.bytes().chain(country.alpha3.bytes()).all(|b| b.is_ascii_lowercase()));
            assert!(country.calling.len() <= 3, "{country:?}");
            assert_eq!(by_code(country.code), Some(country), "two countries share a code");
        }
    }

    #[test]
    fn every_name_belongs_to_one_known_country() {
        for entry in NAMES.split(' ') {
            for name in entry[2..].split(':').skip(1) {
                assert_eq!(by_name(name).map(|country| country.code), Some(&entry[..2]), "{name}");
            }
        }
    }

    #[test]
    fn codes_and_names_are_understood() {
        let check =
            |text, code: &str| assert_eq!(named(text).map_or("", |country| country.code), code, "{text}");
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
        assert_eq!(by_code("Gb").map(|country| country.calling), Some("44"));
    }
}
