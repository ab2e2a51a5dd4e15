"""Stop words: function words of nine languages, which nearly every text has and which say nothing of it.

Articles, pronouns, prepositions, conjunctions, auxiliary verbs and particles, with what apostrophes leave of them.
"""

from __future__ import annotations

from functools import cache

from kgr.index.boundaries import words_of

_LISTS = {
    "ar": """
        من إلى الى عن على في مع حتى منذ خلال بين عند لدى دون بدون سوى غير بعد قبل تحت فوق حول ضد نحو عبر
        و أو او ثم أم بل لكن ولكن لأن لان إن ان أن إذا اذا إذ
        لو لولا كي لكي كما مثل حيث حين عندما بينما مما فيما
        كلما
        هو هي هم هن هما أنا نحن أنت أنتم أنتن أنتما إياه هذا هذه هذان هذين هؤلاء ذلك تلك أولئك ذاك هنا هناك
        الذي التي الذين اللذان اللتان اللاتي اللواتي ما ماذا متى أين كيف لماذا هل أي أية كم
        لا لم لن ليس ليست ليسوا قد لقد سوف كان كانت كانوا يكون تكون كنت كنا يكن تكن أصبح
        كل كلا بعض جميع أيضا ايضا فقط له لها لهم به بها بهم منه
        منها منهم فيه فيها فيهم عليه عليها عليهم إليه إليها
        إليهم
        عنه عنها وهو وهي وكان وكانت ومن وفي وعلى وقد ولا ولم وما وأن وهذا وهذه
    """,
    "de": """
        der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner keines
        ich du er sie es wir ihr mich dich sich uns euch mir
        dir ihm ihn ihnen mein meine meinen meinem meiner
        meines
        dein deine deinen deinem deiner sein seine seinen seinem seiner seines ihre ihren ihrem ihrer ihres
        unser unsere unseren unserem unserer euer eure dieser
        diese dieses diesen diesem jener jene jenes jenen
        jenem
        jeder jede jedes jeden jedem welcher welche welches welchen welchem alle allem allen aller alles
        wer wen wem wessen was wo wann wie warum wohin woher man etwas nichts selbst
        und oder aber denn sondern doch dass daß weil wenn als ob da damit obwohl während bis bevor nachdem
        in im an am auf aus bei beim mit nach seit von vom zu zum
        zur über unter vor hinter neben zwischen durch für gegen
        ohne um ins ans nicht nur noch auch schon sehr so dann
        hier dort nun jetzt also mehr wieder einige manche
        viele
        bin bist ist sind seid war warst waren wart gewesen habe hast hat haben habt hatte hatten hattest
        werde wirst wird werden werdet wurde wurden worden würde würden kann kannst können konnte konnten
        muss muß müssen musste mussten soll sollen sollte sollten will wollen wollte wollten darf dürfen mag mögen
    """,
    "en": """
        a an the this that these those
        i me my myself you your yours yourself yourselves he him his himself she her hers herself it its itself
        we us our ours ourselves they them their theirs themselves who whom whose which what
        and or but nor if then than because as while until although though unless whether so
        of at by for with about against between among into
        through during before after above below to from up down
        in out
        on off over under within without upon onto toward towards per via
        am is are was were be been being have has had having do does did doing done
        can could may might must shall should will would ought cannot
        when where why how here there again further once ever
        all any both each few more most other others some such no not only own same too very just also
        s t d m ll re ve don doesn didn isn aren wasn weren hasn
        haven hadn wouldn couldn shouldn mustn needn mightn ain
    """,
    "es": """
        el la los las lo un una unos unas al del
        yo tú tu tus él ella ello ellos ellas usted ustedes
        nosotros nosotras vosotros vosotras me te se nos os le
        les
        mi mis mí mío mía míos mías ti tuyo tuya su sus suyo suya suyos suyas nuestro nuestra nuestros nuestras
        vuestro vuestra vuestros vuestras este esta esto estos
        estas ese esa eso esos esas aquel aquella aquello
        aquellos
        aquellas que qué quien quién quienes cual cuál cuales
        cuyo cuya cuyos cuyas donde dónde cuando cuándo como
        cómo
        cuanto cuánto algo alguien algún alguno alguna algunos
        algunas nada nadie ninguno ninguna ningún otro otra otros
        otras
        todo toda todos todas mucho mucha muchos muchas poco poca pocos pocas tanto cada mismo misma
        y e o u ni pero sino aunque porque pues si sí no más menos muy ya también tampoco así entonces
        a ante bajo con contra de desde durante en entre hacia hasta mediante para por según sin sobre tras
        soy eres es somos sois son era eras éramos eran fui fue
        fuimos fueron ser sido siendo sea sean será serán sería
        estoy está estás estamos están estaba estaban estar esté estuvo
        he has ha hemos han había habían haber habido hay haya hayan hubo
    """,
    "fr": """
        le la les l un une des du de d au aux
        je j tu il elle on nous vous ils elles me m te t se s lui leur leurs y en moi toi soi eux
        mon ma mes ton ta tes son sa ses notre nos votre vos ce c cet cette ces ceci cela ça celui celle ceux celles
        qui que qu quoi dont où quel quelle quels quelles lequel
        laquelle lesquels lesquelles quand comment pourquoi
        combien
        et ou mais donc ni car si comme lorsque lorsqu puisque puisqu quoique afin alors ainsi aussi
        à dans par pour sur sous avec sans chez vers entre
        depuis pendant avant après contre selon dès jusque jusqu
        parmi
        ne n pas plus moins très trop peu tout toute tous toutes
        même mêmes autre autres aucun aucune chaque quelque
        quelques
        suis es est sommes êtes sont étais était étions étiez
        étaient fus fut furent étant être sera seront serait
        soit
        ai as a avons avez ont avais avait avions avaient eu eut ayant avoir aura auront aurait ait aient
        fait peut peuvent doit doivent
    """,
    "it": """
        il lo la l i gli le un uno una al allo alla all ai agli alle del dello della dell dei degli delle
        dal dallo dalla dall dai dagli dalle nel nello nella nell
        nei negli nelle sul sullo sulla sull sui sugli sulle col
        coi
        io tu lui lei egli ella esso essa noi voi loro essi esse mi m ti t ci c vi v si s ne me te se sé
        mio mia miei mie tuo tua tuoi tue suo sua suoi sue nostro nostra nostri nostre vostro vostra vostri vostre
        questo questa questi queste quest quello quella quelli quelle quel quell quei quegli
        che chi cui quale quali qual dove quando come perché quanto quanta quanti quante
        e ed o od ma però anche se né non più meno molto poco tanto così allora dunque quindi pure ancora già
        a ad con d da di in per su tra fra verso senza sotto sopra dopo prima durante contro presso
        sono sei è siamo siete era ero eri eravamo erano fu furono
        essere sia siano sarà saranno
        sarebbe
        ho hai ha abbiamo avete hanno avevo aveva avevano avere avuto abbia abbiano avrà
        ogni alcuni alcune altro altra altri altre tutto tutta tutti tutte nessuno nessuna qualche stesso stessa
    """,
    "pt": """
        o a os as um uma uns umas ao à aos às do da dos das no na nos nas pelo pela pelos pelas
        num numa dum duma neste nesta nesse nessa nisso nisto
        naquele naquela deste desta desse dessa disso disto
        daquele
        daquela eu tu ele ela nós vós eles elas você vocês me te se lhe lhes vos mim ti si comigo contigo consigo
        meu minha meus minhas teu tua teus tuas seu sua seus suas
        nosso nossa nossos nossas vosso vossa dele dela deles
        delas
        este esta isto estes estas esse essa isso esses essas aquele aquela aquilo aqueles aquelas
        que quê quem qual quais cujo cuja cujos cujas onde quando como quanto quantos quantas porque porquê
        e ou mas nem se não mais menos muito muita muitos muitas pouco já também só então assim ainda embora pois
        de em por para com sem sob sobre até após ante desde durante entre contra segundo perante
        sou és é somos são era eram fui foi fomos foram ser sendo sido seja sejam será serão seria
        estou está estamos estão estava estavam estar esteve estiver
        tenho tem temos têm tinha tinham ter tido tenha teve há havia houve haver
        todo toda todos todas cada outro outra outros outras algum
        alguma alguns algumas nenhum nenhuma mesmo mesma tudo nada
    """,
    "ru": """
        и а но или либо да что чтобы если как когда пока хотя потому так также тоже же ли бы б не ни то ж
        в во на с со к ко у о об обо от до из изо за по под над
        при про для без через между перед около после среди
        из-за
        я меня мне мной мы нас нам нами ты тебя тебе тобой вы
        вас вам вами он его ему им нём нем она её ей ею ней
        нее
        оно они их ими них ним ними него нему себя себе собой
        мой моя моё мои моего моей моих твой твоя твои наш наша
        наше наши нашего ваш ваша ваше ваши свой своя своё свои
        своего своей своих своим своими свою этот эта это эти этого этой этому этом этих этим этими эту
        тот та те того той тому том тех тем теми ту кто кого кому кем чего чему чем который которая которое которые
        которого которой которому котором которых которым которыми которую какой какая какие такой такая такое такие
        где куда откуда почему зачем здесь там тут тогда теперь уже ещё лишь только даже ведь вот вон очень более
        весь вся всё все всего всей всех всем всеми каждый сам сама само сами самый
        был была было были быть есть будет будут будем буду является являются может могут можно
    """,
    "zh": """
        的 了 和 是 在 有 我 你 他 她 它 们 这 那 与 及 或 而 但 就 也 都
        不 被 把 对 从 到 向 于 以 之 其 为 由 等 着 过 吗 呢 吧 啊 一 个
        我们 你们 他们 她们 它们 自己 这个 那个 这些 那些 这里 那里
        这样 那样 什么 怎么 怎样 如何 哪里 哪个 哪些 多少 为何
        以及 或者 还是 而且 并且 但是 可是 不过 然而 因为 所以 因此
        由于 如果 虽然 即使 只要 只有 为了 对于 关于 至于 根据 通过
        没有 不是 就是 也是 都是 还有 可以 能够 可能 应该 已经 曾经 正在
        将会 之后 之前 以后 以前 其中 其他 另外 之间 之一 一个 一些 一种
        這 與 們 為 對 從 於 過 嗎 個 我們 你們 他們 她們 它們
        這個 那個 這些 這裡 那裡 這樣 那樣 什麼 怎麼 怎樣 哪裡 哪個
        還是 並且 但是 可是 不過 因為 所以 由於 雖然 只要 為了 對於 關於 根據
        通過 沒有 還有 可以 能夠 應該 已經 曾經 之後 之前 以後 之間 一個 一種
    """,
}


@cache
def stop_words(language: str) -> frozenset[str]:
    """Return the stop words of a language, in the one form of words; none where there is no list of it."""
    return frozenset(words_of(_LISTS.get(language, "")))
