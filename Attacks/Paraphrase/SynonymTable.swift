import Basics

/// Words and phrases of about the same meaning, clinical and general, in lower case.
enum SynonymTable {
  /// Replaced in both directions; no phrase stands twice among the left and right ones.
  static let pairs: [(String, String)] = [
    // Diseases and findings.
    ("heart attack", "myocardial infarction"), ("high blood pressure", "hypertension"),
    ("low blood pressure", "hypotension"), ("stroke", "cerebrovascular accident"),
    ("fever", "pyrexia"), ("febrile", "feverish"), ("itching", "pruritus"),
    ("shortness of breath", "dyspnea"), ("breathlessness", "dyspnoea"), ("vomiting", "emesis"),
    ("rash", "skin eruption"), ("bruising", "ecchymosis"), ("nosebleed", "epistaxis"),
    ("swelling", "edema"), ("fainting", "syncope"), ("jaundice", "icterus"),
    ("kidney failure", "renal failure"), ("liver disease", "hepatic disease"),
    ("heart failure", "cardiac failure"), ("cancer", "malignancy"), ("tumor", "neoplasm"),
    ("bleeding", "hemorrhage"), ("clot", "thrombus"), ("fracture", "broken bone"),
    ("chickenpox", "varicella"), ("whooping cough", "pertussis"), ("measles", "rubeola"),
    ("mumps", "epidemic parotitis"), ("gallstones", "cholelithiasis"),
    ("kidney stones", "nephrolithiasis"), ("high cholesterol", "hypercholesterolemia"),
    ("headache", "head pain"), ("joint pain", "arthralgia"), ("muscle pain", "myalgia"),
    ("fatigue", "tiredness"), ("fatigued", "tired"), ("dizziness", "light-headedness"),
    ("dizzy", "light-headed"), ("unconscious", "unresponsive"), ("palpitations", "a racing heart"),
    ("difficulty swallowing", "dysphagia"), ("painful urination", "dysuria"),
    ("blood in the urine", "hematuria"), ("hair loss", "alopecia"), ("disease", "illness"),
    ("diseases", "illnesses"), ("disorder", "condition"), ("disorders", "conditions"),
    ("symptom", "complaint"), ("symptoms", "complaints"), ("relapse", "recurrence"),
    // Body and measurements.
    ("abdomen", "belly"), ("armpit", "axilla"), ("collarbone", "clavicle"),
    ("blood sugar", "blood glucose"), ("heart rate", "pulse rate"),
    ("red blood cells", "erythrocytes"), ("white blood cells", "leukocytes"),
    ("platelets", "thrombocytes"), ("chest x-ray", "chest radiograph"),
    ("ultrasound", "sonography"), ("ct scan", "computed tomography"),
    ("mri", "magnetic resonance imaging"), ("electrocardiogram", "ECG"), ("lab", "laboratory"),
    ("physical examination", "clinical examination"), ("biopsy", "tissue sampling"),
    // Treatment.
    ("drug", "medicine"), ("drugs", "medicines"), ("treatment", "therapy"),
    ("treatments", "therapies"), ("surgery", "surgical intervention"),
    ("blood thinner", "anticoagulant"), ("blood thinners", "anticoagulants"),
    ("painkiller", "analgesic"), ("painkillers", "analgesics"), ("vaccination", "immunization"),
    ("management", "handling"), ("side effects", "adverse effects"), ("dose", "dosage"),
    ("antacid", "acid neutralizer"),
    // People and places.
    ("physician", "doctor"), ("physicians", "doctors"), ("infant", "baby"), ("infants", "babies"),
    ("newborn", "neonate"), ("newborns", "neonates"), ("woman", "lady"), ("women", "ladies"),
    ("man", "gentleman"), ("men", "gentlemen"), ("teenager", "adolescent"),
    ("teenagers", "adolescents"), ("patient", "individual"), ("patients", "individuals"),
    ("pregnant", "expecting"), ("emergency department", "emergency room"),
    ("hospital", "medical center"), ("smoker", "tobacco user"), ("smokers", "tobacco users"),
    // Verbs.
    ("reduce", "diminish"), ("reduces", "diminishes"), ("improve", "ameliorate"),
    ("improves", "ameliorates"), ("prevent", "avert"), ("prevents", "averts"),
    ("reveals", "discloses"), ("reveal", "disclose"), ("shows", "demonstrates"),
    ("show", "demonstrate"), ("reports", "describes"), ("began", "started"),
    ("begin", "start"), ("explains", "accounts for"), ("explain", "account for"),
    ("arrives", "presents"), ("worsening", "deteriorating"), ("denies", "does not report"),
    // Qualities and small words.
    ("sudden", "abrupt"), ("suddenly", "abruptly"), ("severe", "intense"), ("mild", "slight"),
    ("chronic", "long-standing"), ("appropriate", "suitable"), ("likely", "probable"),
    ("initial", "first"), ("common", "frequent"), ("rare", "uncommon"), ("large", "big"),
    ("important", "significant"), ("effective", "efficacious"), ("dangerous", "hazardous"),
    ("previous", "prior"), ("usually", "generally"), ("several", "multiple"),
    ("many", "numerous"), ("however", "nevertheless"), ("although", "though"),
    ("immediate", "prompt"), ("awake", "alert"), ("onset", "beginning"), ("outcome", "result"),
    ("outcomes", "results"), ("mortality", "death rate"), ("next", "subsequent"),
    ("often", "frequently"), ("approximately", "roughly"), ("bilateral", "two-sided"),
  ]

  /// Replaced from left to right only: the right word has other meanings too.
  static let oneWay: [(String, String)] = [
    ("before", "prior to"), ("because", "since"), ("because of", "owing to"),
    ("twice", "two times"),
    ("also", "additionally"), ("among", "amongst"), ("within", "inside"), ("small", "little"),
    ("elderly", "aged"), ("hemorrhages", "bleeds"), ("oedema", "swelling"),
    ("haemorrhage", "bleeding"), ("tumour", "neoplasm"), ("increased", "elevated"),
    ("decreased", "diminished"), ("study", "investigation"), ("studies", "investigations"),
  ]

  /// By the first word: phrases as words, the longest first, with what replaces them.
  static let entries: [UTF8Key: [(phrase: [String], replacement: String)]] = {
    var entries: [UTF8Key: [(phrase: [String], replacement: String)]] = [:]
    for (from, to) in pairs + pairs.map({ ($1, $0) }) + oneWay {
      let phrase = LetterCase.lowered(from).unicodeScalars.split(separator: " ").map { String($0) }
      entries[UTF8Key(phrase[0]), default: []].append((phrase, to))
    }
    return entries.mapValues { phrases in
      phrases.sorted { left, right in
        left.phrase.count == right.phrase.count
          ? left.phrase.lexicographicallyPrecedes(right.phrase, by: utf8Precedes)
          : left.phrase.count > right.phrase.count
      }
    }
  }()
}
