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
