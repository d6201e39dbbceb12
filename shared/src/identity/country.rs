//! Countries: ISO codes, calling codes and the names people type.
//!
//! One text holds what other programs keep in three tables. Leaves to `calling` what a telephone number needs of it, and to
//! `place` the rest.

#[cfg(feature = "places")]
use super::character::Room;

/// The alpha-2 code, in lower case, of the country meant by `squashed`: a code of two or three letters or a name, in
/// lower case without blanks and punctuation; `uk` is understood as `gb`. Nothing for a name that is not listed: its first
/// two letters would often be another country.
#[cfg(feature = "places")]
pub(super) fn named<'a>(squashed: &[u8], room: &mut Room<'a>) -> Option<&'a [u8]> {
    let code = match squashed {
        b"uk" => "gb",
        [_, _] => all().find(|(code, _)| code.as_bytes() == squashed)?.0,
        [_, _, _] if squashed != b"uae" => all().find(|(_, alpha3)| alpha3.as_bytes() == squashed)?.0,
        _ => code_of(NAMES, squashed)?,
    };
    Some(room.join(code.as_bytes(), b"", b""))
}

/// Alpha-2 and alpha-3 code of every country.
#[cfg(feature = "places")]
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut rest = COUNTRIES;
    std::iter::from_fn(move || {
        let (codes, behind) = rest.split_at_checked(5)?;
        rest = behind.trim_start_matches(|c: char| c.is_ascii_digit());
        Some(codes.split_at(2))
    })
}

/// The code of the entry in `table` that lists `name`. Entries stand apart by blanks, each a code and its names
/// with a colon before every name.
#[cfg(feature = "places")]
pub(super) fn code_of(table: &'static str, name: &[u8]) -> Option<&'static str> {
    let lists = |entry: &&str| entry.split(':').skip(1).any(|known| known.as_bytes() == name);
    table.split(' ').find(lists)?.split(':').next()
}

/// Alpha-2 code, alpha-3 code and calling code, one country after the other.
/// ISO 3166-1 with `XK` for Kosovo; calling codes by ITU-T E.164 as libphonenumber lists them (2026-11).
pub(super) const COUNTRIES: &str = "\
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
#[cfg(feature = "places")]
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
pub(super) mod tests {
    use super::*;

    /// Alpha-2 code, alpha-3 code and calling code of every country, read from the table by itself.
    pub(in super::super) fn countries() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        let mut rest = COUNTRIES;
        std::iter::from_fn(move || {
            let digits = rest.get(5..)?;
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            let country = (rest.get(..2)?, rest.get(2..5)?, digits.get(..end)?);
            rest = digits.get(end..)?;
            Some(country)
        })
    }

    fn code(name: &str) -> String {
        let mut memory = [0; 8];
        let code = named(name.as_bytes(), &mut Room::new(&mut memory)).unwrap_or_default();
        String::from_utf8(code.to_vec()).expect("ASCII")
    }

    #[test]
    fn the_table_reads_back() {
        assert_eq!(countries().count(), 250);
        assert_eq!(all().count(), 250);
        for (alpha2, alpha3, calling) in countries() {
            assert!(alpha2.bytes().chain(alpha3.bytes()).all(|b| b.is_ascii_lowercase()));
            assert!(calling.len() <= 3, "{alpha2}");
            assert_eq!((code(alpha2).as_str(), code(alpha3).as_str()), (alpha2, alpha2));
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
    }
}
