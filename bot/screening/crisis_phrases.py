"""How people say that they are in danger, and how they say what only sounds like it. Expressions, and nothing that runs.

The expressions are ours; mend them with a sentence in the tests beside each change.
"""

import re

# All expressions below read a sentence in lower case without apostrophes, with single spaces for everything else.
_ME = r"(?:myself|my self|meself|mself)"
_DO = (
    r"(?:kil+|kil+ing|kil+ed|hang|hanging|hung|shoot|shooting|drown|drowning|hurt|hurting|harm|harming|harmed|cut|cutting|cuting"
    r"|starve|starving|poison|poisoning|unalive|unaliving|off|offing|delete|neck|stab|stabbing|burn|burning|burned|injure|injuring"
    r"|end|ending)"
)
_WISH = (
    r"(?:want|wants|wanted|wanting|wanna|wana|wannna|going|gonna|gunna|need|ready|rather|wish|wishing|hope|hoping|prefer|feel like|feeling like|plan"
    r"|planning|decided|trying|tried|think about|thinking|thought|considering|considered|might|will|ill|id|should|gotta|have to|about to|tempted"
    r"|ways?|how)"
)
_SELF = r"(?:i|im|ive|id|ill|imma|me|i m|i ve)"
_LONGING = r"(?:want|wanted|wanting|wanna|wana|wannna|ready|rather|wish|wishing|hope|hoping|prefer|feel like|feeling like|plan|planning|decided|trying|tried|think about|thinking about|thinking of|thought about|considering|should|deserve|prepared|longing|begging|praying|meant)"
_FILL = r"(?: (?:to|of|about|just|really|so|badly|fucking|freaking|literally|honestly|only|actually|seriously|maybe|probably|even|be|i|could|should|like|kinda|kind|sometimes|a|bit))"
_CLOSE = r"my (?:best |little |big |older |younger |step ?|twin |girl ?|boy ?|class|room){0,2}(?:friend|bro|brother|sis|sister|mom|mum|mother|dad|father|son|daughter|kid|child|partner|wife|husband|cousin|girlfriend|boyfriend|gf|bf|mate|roommate|classmate)"
_HOUSE = r"(?:dad|daddy|father|mom|mum|mother|parents?|step ?dad|step ?mom|step ?mum|step ?father|step ?mother|uncle|aunt|grandpa|grandfather|husband|wife|boyfriend|girlfriend|bf|gf|partner|fiance|ex|brother|sister|cousin|teacher|coach|foster \w+|roommate|babysitter|pastor|priest)"
_OFTEN = r"(?: (?:keeps?|kept|always|just|still|sometimes|often|regularly|used to|has been|have been|has|had|is|was|are|were|wont stop|never stops|tried to|tries to|started|starts|constantly|also|literally|and \w+|drunkenly|secretly|would|will|physically|sexually|gets? drunk and|got drunk and|came home (?:drunk )?and)){0,3}"
_HARM = r"(?:hits?|hitting|beats?|beating|beat up|beats up|punch(?:es|ed|ing)?|chok(?:e|es|ed|ing)|strangl(?:e|es|ed|ing)|slap(?:s|ped|ping)?|kick(?:s|ed|ing)?|hurts?|hurting|abus(?:e|es|ed|ing)|molest(?:s|ed|ing)?|rap(?:e|es|ed|ing)|assault(?:s|ed|ing)?|burn(?:s|ed|ing)|threw things at|threatens?|threatened|threatening|forces?|forced|locks?|locked|starv(?:e|es|ing))"

DANGERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "suicide",
        (
            (
                rf"(?:\b{_SELF}\b(?: \w+){{0,4}} |^(?:\w+ ){{0,2}}|\b(?:and|but|just|bc|because|so|makes? me) ){_LONGING}{_FILL}{{0,5}}"
                r" (?:die|dying|be dead|not exist|not be alive|stop existing|stop living|cease to exist|disappear forever|never wake up|not wake up|unalive)\b"
                r"(?! (?:of|from|out|hard|laughing|on that hill|down|for (?:this|that|these|those|a|an|some|the|his|her|pizza)|inside|my|to (?:see|know|try|play|meet|hear|get|go)))"
            ),
            r"\bwish (?:that )?i (?:was|were|am) (?:just )?(?:dead|never born|not alive|not here anymore|gone forever)\b",
            r"\bwish (?:that )?i (?:had never been born|was never born|hadnt been born|could (?:just )?(?:die|disappear forever|stop existing|not exist|(?:go to|fall a) ?sleep and (?:never|not) wake up|never wake up))\b",
            r"\bi (?:just |really |honestly )?(?:dont|do not|didnt|no longer|never) (?:even |really |ever )?(?:want|wanna|wish) (?:to )?(?:live|be alive|exist|be here anymore|be on this (?:earth|planet)|be in this world|wake up (?:tomorrow|anymore|again|ever|ever again)|keep living|keep going anymore|go on living|go on anymore|continue living)\b(?! (?:in|with|near|at|on|there|next|under|by|off|like|through|alone|there)\b)",
            r"\b(?:no|any|lost (?:the|my)|without a|without any|not a single|find a|see a|a) (?:reason|will|point) (?:left )?(?:to|in|of) (?:live|living|be alive|being alive|stay alive|staying alive|go on living|going on|my life)\b",
            r"\b(?:nothing|nothing left|dont have anything|no one|nobody) (?:left )?to live for\b",
            r"\b(?:tired of|sick of|done with|hate|give up on|giving up on|given up on|cant bear|cant stand) (?:living|being alive|my own existence|existing|waking up alive)\b(?! (?:in|with|at|on|near|here|off|out|alone|like (?:a student|this in)|under|paycheck|there|together|so far|far|next|expenses|room)\b)",
            r"\b(?:im|i am) (?:so |just |really )?(?:tired of|done with) (?:my )?life\b",
            r"\bcan ?n?o?t (?:do|take|handle|stand|bear) (?:my |this |living |being )?(?:life|alive|living)(?: like this)? ?(?:anymore|any longer|any more)?\b",
            r"\bi can ?n?o?t (?:go on|keep going|carry on|keep living)(?: like this)? (?:anymore|any longer|any more|living)\b",
            r"\b(?:end|ending|ended) (?:it all|my (?:own |miserable |pathetic )?life|everything tonight|things for good)\b(?! (?:at|with a|on a|in style)\b)",
            r"\b(?:take|taking|took|taken) my own life\b|\b(?:want|wanted|going|gonna|tried|trying|plan|planning|about|wanna|will|ill) (?:to )?(?:take|taking) my life\b",
            r"\b(?:im|i am|ive been|i have been|i feel|feeling|feel|i was|i get|been|still|so|really|very|extremely|kinda|bit) (?:so |really |very |extremely |a bit |kinda |kind of |pretty |actively |passively |still |feeling |quite )*(?:suicidal|sui ?cidal|sucidal|suicidle|suicide?al)\b",
            r"\b(?:i|im|ive|me|my) (?:\w+ ){0,6}(?:suicid\w*|sewerslide|suicide|sucide|suiside|self deletion)\b (?:thoughts?|ideation|attempts?|note|plan|tonight|again)",
            r"\b(?:suicidal|suicide) (?:thoughts|ideation|note)\b (?:are|keep|wont|again|every|for|came|come|since|and i|ready|written|right now)",
            rf"\b(?:i|im|ive|id|ill|me)\b(?: \w+){{0,3}} ?{_WISH}?{_FILL}{{0,5}} (?:commit(?:ting|ted)?|attempt(?:ing|ed)?|do|doing|contemplat(?:e|ing)) (?:suicide|sucide|suiside|sewerslide)\b",
            r"\b(?:thinking|think|thoughts|thought|fantasi[sz]e|dream|dreaming|obsess\w*) (?:a lot |often |constantly |so much )?(?:about|of) (?:suicide|dying|killing myself|my own death|ending it|ending my life|ending things for good|jumping off|hanging myself|overdosing)\b(?! (?:my|his|her|their|the|your) (?:hair|shirt|clothes|eggs))",
            r"\b(?:better off|world (?:would be|is) better|happier|easier|fine) (?:if i (?:was|were|am) (?:dead|gone|not here|never born)|if i (?:died|wasnt (?:here|around|alive)|weren?t (?:here|around|alive)|didnt exist|disappeared)|(?:off )?without me(?: alive| here| in it| around)?)\b(?! knowing)",
            r"\b(?:(?:everyone|everybody|they|you|yall|the world|people|my (?:family|friends|kids|parents)|you all|you guys)(?:d| would| will|ll| is| are)?(?: all)?(?: be)?) better off (?:if i (?:was|were) (?:dead|gone)|without me)\b",
            r"\b(?:id|i would|i am|im) (?:be )?better off dead\b",
            r"\b(?:no ?one|nobody|who|not a soul)(?: would|d| will|s gonna| is going to| even)*(?: \w+)? (?:care|notice|miss me|cry|miss)(?: \w+)? (?:if|when|once) (?:i (?:died|die|was dead|were dead|am dead|was gone|were gone|killed myself|disappeared forever|vanished forever|stopped existing)|im (?:dead|gone))\b",
            r"\bif i (?:died|killed myself|was dead|were dead|disappeared forever)(?: \w+){0,2} (?:no ?one|nobody|would anyone|who) (?:would |d |will )?(?:even |really )?(?:care|notice|miss|cry)\b|\bwould (?:any ?one|anybody)(?: even| really)? (?:care|notice|miss me) if i (?:died|was dead|were gone|was gone|disappeared|killed myself)\b",
            r"\b(?:took|taken|swallowed|swallow|take|taking|eat|ate|downed|down) (?:\w+ )?(?:all|a whole|the whole|a bunch of|too many|a bottle of|an entire|every one|a lot of|so many)(?: \w+){0,3} (?:pills|tablets|sleeping pills|meds|medication|tylenol|paracetamol|xanax|painkillers|antidepressants)\b",
            r"\b(?:i|im|ive|id|ill|gonna|going to|want to|wanna) (?:just |to |\w+ ){0,3}(?:od|overdose|overdosed|overdosing)\b(?! on (?:sugar|coffee|chocolate|candy|pizza|cuteness|memes|tiktok|caffeine|anime|cookies|snacks|cake|content|games?))",
            r"\b(?:slit|slitting|cut|cutting|slash|slashing|open) (?:up )?my (?:own )?(?:wrists?|throat|veins)\b(?! (?:on|off|short))",
            r"\b(?:i|im|id|ill|ive|me)\b(?: \w+){0,5} (?:jump|jumping|jumped|throw myself|throwing myself|step|stepping|walk|walking)(?: \w+)? (?:off|in front of|under|into) (?:of )?(?:the|a|my|this|that|oncoming|an)? ?(?:bridge|roof|building|balcony|train|truck|bus|traffic|window|cliff|overpass|rooftop|tracks)\b(?! in (?:gta|minecraft|fortnite|the game|roblox|skyrim))",
            r"\b(?:put|putting|hold|holding|pressed|point|pointing|have|got) (?:a|the|my|this)?(?: \w+)? ?(?:gun|bullet|pistol|knife|blade) (?:to|in|through|against|at) my (?:own )?(?:head|mouth|brain|skull|throat|wrists?|heart|temple)\b",
            r"\b(?:this is|writing) (?:my|a) (?:last (?:message|night alive|day alive|goodbye|night on earth|day on earth)|suicide note|goodbye note)\b|\b(?:my|a) suicide note\b(?! (?:from|in|by))",
            r"\b(?:goodbye|good bye|bye)(?: \w+){0,3} (?:i wont be (?:alive|here) (?:tomorrow|anymore|much longer)|forever i (?:cant|love))\b|\bi wont be alive (?:tomorrow|much longer|for long|anymore|by)\b|\bwont be around (?:much longer|anymore) (?:so|and) (?:thank|good ?bye|bye|sorry)",
            r"\bi (?:have|made|got|do have) (?:a |the )?plan (?:to|for how to|on how to) (?:kill|end|die|hang|overdose|do it tonight)\b",
            r"\b(?:painless|easiest|quickest|fastest|best|least painful|pain free|peaceful) (?:way|method|ways|methods) (?:for me |out )?(?:to|of) (?:die|dying|kill (?:myself|yourself)|end (?:it|it all|my life)|suicide|commit suicide|killing (?:myself|yourself))\b(?! in (?:minecraft|the game|gta|elden|dark))",
            r"\bhow many (?:\w+ ){0,3}(?:pills|tablets|sleeping pills|tylenol|paracetamol|xanax|advil|ibuprofen)(?: \w+){0,3} (?:to (?:die|kill (?:me|myself|you|yourself)|overdose|od)|kill (?:me|you|a person)|is lethal|are lethal|until i die)\b",
            r"\bi (?:deserve|need) to (?:die|be dead)\b|\bi (?:should|shouldve|should have) (?:just |honestly |really )?(?:die|died|be dead|been dead|never been born|kill|killed)(?: myself)?\b(?! (?:my|the|that|him|her|it|them|in|first|a|to))",
            r"\b(?:please|just|someone|somebody|god|lord) (?:\w+ )?(?:let me die|kill me(?: please)?)\b$|^(?:just )?let me die(?: please)?$",
            r"\b(?:i want|want|wanted|need|i just want) (?:it all|the pain|this pain|everything|my suffering|the suffering|my life) (?:to )?(?:to )?(?:end|stop|be over|go away forever)\b",
            r"\b(?:life|living|my life) (?:is|isnt|is not|feels|doesnt feel|aint|just isnt) (?:just )?(?:not )?(?:worth (?:living|it anymore|it)|pointless and i)\b(?! (?:without (?:pizza|coffee|chocolate|cheese|music|games|dogs|cats|bacon)))(?<!is worth living)(?<!is worth it)(?<!feels worth it)",
            r"\bi (?:tried|attempted|almost tried) (?:\w+ )?to (?:kill myself|end my life|end it|hang myself|overdose|take my life)\b",
            r"\b(?:on the|at the|standing on the|sitting on the) (?:edge|ledge|roof|bridge)(?: of \w+ \w+| \w+){0,3} (?:ready to|about to|gonna|going to|want to|and want to|thinking about) (?:jump|jumping|end)\b",
            r"\b(?:quiero morir(?:me)?|me quiero morir|no quiero vivir|quiero suicidarme|me voy a matar|quiero matarme|je veux mourir|je vais me tuer|j ?ai envie de mourir|ich will sterben|ich will nicht mehr leben|ich bring(?:e)? mich um|ich mochte sterben|will mich umbringen|voglio morire|voglio uccidermi|quero morrer|vou me matar|quero me matar|ik wil dood|ik wil niet meer leven|chce umrzec|chce sie zabic)\b",
            r"(?:хочу умереть|не хочу жить|покончить с собой|хочу сдохнуть|убью себя|死にたい|自殺したい|想死|不想活|죽고 ?싶)",
        ),
    ),
    (
        "self-harm",
        (
            rf"\b{_WISH}{_FILL}{{0,5}} {_DO} {_ME}\b",
            rf"\b(?:i|im|ive|ill|id) (?:\w+ ){{0,4}}{_DO} {_ME}\b",
            r"\b(?:i|im|ive|been|started|keep|kept|relapsed|back to|stop|still|again|addicted to|urges? to|urge to|want to|wanna|love|like) (?:\w+ ){0,3}(?:self ?harm(?:ing|ed)?|sh again|cutting (?:again|my (?:arms?|legs?|thighs?|wrists?|skin))|cut my (?:arms?|legs?|thighs?|skin) (?:again|open|to feel|on purpose|when|because)|burning my (?:arms?|legs?|skin) (?:on purpose|with|to))\b",
            r"^(?:self ?harm(?:ing)?|cutting) (?:is|makes|helps|again)(?: \w+)* (?:only|feel|me|i|my)\b",
            r"\b(?:urges?|want|wanting|need|temptation|thoughts?|thinking) (?:\w+ ){0,2}(?:to|of|about) (?:cut|cutting|hurt|hurting|harm|harming|burn|burning) (?:myself|my self)\b",
            r"\bself ?harmed\b|\bi (?:have )?(?:relapsed|started cutting|cut) (?:again )?(?:last night|today|tonight|and cut|on purpose)\b",
            r"\b(?:the|a|my) (?:blade|razor|razors|knife|lighter) (?:\w+ ){0,3}(?:on|to|against|into) my (?:own )?(?:skin|arms?|wrists?|thighs?)\b",
            r"\bfresh cuts on my (?:arms?|wrists?|thighs?|legs?)\b|\bmy (?:arms?|wrists?|thighs?) (?:is|are) (?:full of|covered in|covered with) (?:cuts|scars)\b",
            r"\b(?:make|made|making) myself (?:throw up|vomit|puke|bleed|purge) (?:again|after|every|because|until|to)\b|\bhavent eaten (?:anything )?(?:in|for) \w+ days (?:because|so|on purpose|to)\b|\bi (?:am|keep|have been)? ?(?:starve|starving) myself\b",
            r"\b(?:i )?kms\b(?! (?:per|an hour|away|from|to|long|north|south|east|west|of|far|h|on))",
        ),
    ),
    (
        "someone-else",
        (
            rf"\b{_CLOSE}(?: \w+){{0,6}} (?:kill|killing|hurt|hurting|hang|harm|harming|cut|cutting|unalive) (?:himself|herself|themself|themselves)\b",
            rf"\b{_CLOSE}(?: \w+){{0,5}} (?:is|are|was|feels|seems|sounds|got|been) (?:\w+ )?suicidal\b",
            rf"\b{_CLOSE}(?: \w+){{0,5}} (?:wants to die|wants to end (?:it|her life|his life|their life)|(?:is )?(?:talking|talks|thinking) about suicide|going to commit suicide|is self harming|tried to commit suicide|took a bunch of pills|took too many pills|overdosed)\b",
        ),
    ),
    (
        "abuse",
        (
            rf"\b(?:my|moms|dads|mums|our) (?:own |drunk |abusive )?{_HOUSE}(?: and \w+)?{_OFTEN} {_HARM} (?:me|my (?:mom|mum|mother|sister|brother|little sister|little brother|siblings)|us)\b(?! (?:up|to (?:it|the)|at (?:chess|it|every|this|that|games?|the)|in (?:the|a|an|every|chess|mario|smash|fifa|this|that)|by|on|again at|with (?:a joke|a fact|this|that|facts|the|a pun)|feelings))",
            r"\b(?:he|she|they) (?:\w+ ){0,2}(?:hits|beats|punches|chokes|slaps|kicks|rapes|raped|molests|molested|abuses|abused|choked|strangled|assaulted) me (?:when|every|almost|all|again|last|until|so|and i|if|whenever|because|with (?:his|her) (?:belt|fists?|hands?|shoe)|with a (?:belt|stick|bat|bottle|cord|cable|shoe)|at home|at night|in my|sexually|in the face|as a)\b(?! (?:time we (?:play|race|duel)|a new|single game|game))",
            r"\b(?:i|im|ive|i was|i am|i got|i have)(?: \w+){0,3} (?:been |being |getting |got |gotten |was |am )(?:\w+ )?(?:abused|raped|molested|sexually assaulted|assaulted|groomed|beaten|beaten up|trafficked|held (?:hostage|captive|against my will)|stalked|choked|blackmailed|drugged)\b",
            r"\b(?:someone|somebody|a man|a guy|some guy|he|she|they|my \w+|the \w+) (?:\w+ )?(?:raped|molested|groped|groomed|drugged|sexually assaulted|sexually abused) me\b",
            r"\b(?:touch(?:es|ed|ing)?|grab(?:s|bed)?) me (?:inappropriately|in (?:bad|private|weird) (?:places|ways?)|where (?:he|she|they|i) (?:shouldnt|dont)|down there|at night|in my (?:sleep|room|bed)|sexually|without)\b|\btouches me and i (?:dont|hate|cant)\b",
            r"\b(?:he|she|they|my \w+|someone) (?:\w+ ){0,4}(?:threatened to|said (?:he|she|they)(?:ll|d| would| will| is going to| are going to)|threatens to|threatening to|keeps? saying (?:he|she|they)(?:ll|d| will| would)|is trying to|tried to) (?:kill|strangle|stab|shoot|murder|rape|hurt|beat) me\b(?! (?:at|in|with a joke))",
            r"\b(?:he|she|they|my (?:ex|husband|boyfriend|partner|stepdad|step dad|girlfriend|wife|uncle))(?:ll| will| is going to| is gonna| might| would|s gonna| could) (?:kill|strangle|stab|shoot|murder|rape) me (?:if i (?:leave|left|tell|told|talk|go|say|try to)|one day|tonight|this time|when i get home)",
            r"\b(?:im|i am|i feel|feeling) (?:\w+ )?(?:scared|afraid|terrified|frightened) (?:to go home|to be at home|for my life|of going home|of my (?:dad|father|mom|mum|mother|stepdad|step dad|husband|boyfriend|partner|parents|uncle|ex|wife|girlfriend)|(?:he|she|they)(?:ll| will| is going to| are going to|s gonna| might) (?:kill|hurt|hit|beat|find) me)\b",
            r"\b(?:im|i am|i dont feel|i do not feel|not) (?:not )?safe (?:at home|in my (?:own )?(?:house|home)|with (?:him|her|my (?:dad|father|mom|mother|husband|boyfriend|partner|stepdad|parents)))\b(?<!am safe at home)(?<!im safe at home)",
            r"\b(?:he|she|they|my \w+) (?:wont|will not|doesnt|never|refuses to) let me (?:leave the house|leave him|leave her|go outside|out of the (?:house|room)|eat|escape)\b",
            r"\b(?:help|someone|somebody|please)(?: \w+){0,3} (?:is|theres|there is) (?:\w+ ){0,3}(?:breaking|broke|trying to break) into my (?:house|home|apartment)\b",
            r"\b(?:he|she|they|my \w+) (?:has|have|got|is holding|pulled) a (?:gun|knife) (?:on|to|at|and) (?:me|my|wont|is|threaten)",
        ),
    ),
)

# Before a match: said not to be so. `dont want to live` begins with its own `dont` and is not touched by this.
DENIED = re.compile(
    r"\b(?:(?:do|does|did|would|could|should|am|is|was|will|have|has|had) ?not|not|never|dont|doesnt|didnt|wouldnt|wont|isnt|im not|aint|no longer|nobody|without|havent|hasnt|stopped|promise not to|instead of)"
    r"(?: \w+){0,2} ?$"
)
DOUBT = re.compile(
    r"\b(?:not sure|dont know|cant promise|never felt|not gonna lie|not going to lie|not joking|not kidding|not okay|not ok|dont care|wont lie|cant stop|not well)\b[\w ]*$"
)
DENIED_INSIDE = re.compile(
    r"(?:i|im|ive|id|ill)\b.*\b(?:never|not|dont|didnt|wouldnt|wont|isnt)\b(?: \w+){0,3} (?:myself|my self|suicide|die|dead)$"
)
# After a match: what makes it an idiom, an accident or a game.
HARMLESS_AFTER = re.compile(
    r"^ ?(?:some slack|off (?:from|a)|a (?:slice|piece|bit of slack|break|deal)|short|out of|laughing|from laugh|with laugh|shaving|while (?:shaving|cook|chop|cutting|gaming|working out|cleaning|running|playing|slicing|climbing|skating|making)"
    r"|on (?:a |an |the |my |some )?(?:paper|can|glass|accident|stove|oven|pan|iron|knife|tin|curling|hot|door|coffee|toast|thorn|soup|tea|pizza|plastic|envelope)|by accident|accidentally"
    r"|cook|chopp|slic|at (?:the gym|practice|work|training|football|soccer|basketball|skat)|in (?:a|the|this|that|my|every|one|our)? ?(?:game|minecraft|gta|fortnite|valorant|league|kitchen|match|round|level|video|mirror|roblox|skyrim|dark souls|elden ring|overwatch|lol|among us|terraria)"
    r"|playing|skating|running|lifting|falling|by (?:falling|tripping)|with (?:a |my own |the )?(?:grenade|rocket|creeper|lava|fall damage|my own (?:grenade|rocket|trap))|for (?:a|the|this|that) (?:class|meme|bit)"
    r"|when i (?:fell|tripped)|tripping|slipping|lol i fell|as (?:a|an) |off (?:guard|mid|the team|from the)|up for|down to|into (?:pieces|it)|a new|(?:my )?hair|bangs|anymore cake)"
)
FICTION = re.compile(
    r"\b(?:song|songs|lyrics?|movie|film|album|band|book|novel|episode|season|chapter|character|plot|anime|manga|fanfic|poem|quote|quoting|documentary|podcast|article|essay"
    r"|game|games|minecraft|gta|fortnite|valorant|roblox|skyrim|sims|terraria|zelda|mario|smash|fifa|chess|checkers|monopoly|uno|poker|match|round|ranked|lobby|speedrun|boss|bossfight|level|respawn"
    r"|npc|dnd|campaign|playthrough|league|overwatch|elden ring|dark souls|apex|cod|csgo|tournament|kart|ping pong|tennis|race|arm wrestling|basketball|volleyball|trivia|scrabble|card)\b"
)
IDIOM = re.compile(
    r"\b(?:die|dying|died|dead) (?:of|from) (?:laugh\w*|embarrassment|cringe|boredom|cuteness|hunger|heat|thirst|secondhand|second hand|shame|old age|curiosity|happiness|joy)"
    r"|\b(?:die|dying) laughing|laugh\w* (?:so hard|until)|\bdying to\b|\bto die for\b|kill(?:ing|s)? (?:it|time|the|me with|two)\b|\bhaha+ jk\b|\bjust kidding\b|\bfigure of speech\b|\bdiet\b"
)
