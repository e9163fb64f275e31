"""The labels that a classifier gives: those of the data sets that the real models were trained on."""

from __future__ import annotations

import re
from pathlib import Path

_LISTS = Path(__file__).with_name("label_lists")
_COCO = (
    "N/A,person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,N/A,stop sign,"
    "parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,N/A,backpack,umbrella,N/A,N/A,"
    "handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,"
    "tennis racket,bottle,N/A,wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,"
    "hot dog,pizza,donut,cake,chair,couch,potted plant,bed,N/A,dining table,N/A,N/A,toilet,N/A,tv,laptop,mouse,"
    "remote,keyboard,cell phone,microwave,oven,toaster,sink,refrigerator,N/A,book,clock,vase,scissors,teddy bear,"
    "hair drier,toothbrush"
)
_COCO_PANOPTIC_STUFF = (
    "banner,blanket,bridge,cardboard,counter,curtain,door-stuff,floor-wood,flower,fruit,gravel,house,light,"
    "mirror-stuff,net,pillow,platform,playingfield,railroad,river,road,roof,sand,sea,shelf,snow,stairs,tent,towel,"
    "wall-brick,wall-stone,wall-tile,wall-wood,water-other,window-blind,window-other,tree-merged,fence-merged,"
    "ceiling-merged,sky-other-merged,cabinet-merged,table-merged,floor-other-merged,pavement-merged,mountain-merged,"
    "grass-merged,dirt-merged,paper-merged,food-other-merged,building-other-merged,rock-merged,wall-other-merged,"
    "rug-merged"
)
_ADE = (
    "wall,building,sky,floor,tree,ceiling,road,bed,windowpane,grass,cabinet,sidewalk,person,earth,door,table,mountain,"
    "plant,curtain,chair,car,water,painting,sofa,shelf,house,sea,mirror,rug,field,armchair,seat,fence,desk,rock,"
    "wardrobe,lamp,bathtub,railing,cushion,base,box,column,signboard,chest of drawers,counter,sand,sink,skyscraper,"
    "fireplace,refrigerator,grandstand,path,stairs,runway,case,pool table,pillow,screen door,stairway,river,bridge,"
    "bookcase,blind,coffee table,toilet,flower,book,hill,bench,countertop,stove,palm,kitchen island,computer,"
    "swivel chair,boat,bar,arcade machine,hovel,bus,towel,light,truck,tower,chandelier,awning,streetlight,booth,"
    "television receiver,airplane,dirt track,apparel,pole,land,bannister,escalator,ottoman,bottle,buffet,poster,stage,"
    "van,ship,fountain,conveyer belt,canopy,washer,plaything,swimming pool,stool,barrel,basket,waterfall,tent,bag,"
    "minibike,cradle,oven,ball,food,step,tank,trade name,microwave,pot,animal,bicycle,lake,dishwasher,screen,blanket,"
    "sculpture,hood,sconce,vase,traffic light,tray,ashcan,fan,pier,crt screen,plate,monitor,bulletin board,shower,"
    "radiator,glass,clock,flag"
)
_CITYSCAPES = (
    "road,sidewalk,building,wall,fence,pole,traffic light,traffic sign,vegetation,terrain,sky,person,rider,car,truck,"
    "bus,train,motorcycle,bicycle"
)
_CLOTHES = (
    "Background,Hat,Hair,Sunglasses,Upper-clothes,Skirt,Pants,Dress,Belt,Left-shoe,Right-shoe,Face,Left-leg,Right-leg,"
    "Left-arm,Right-arm,Bag,Scarf"
)
_COMMANDS = (
    "backward,follow,five,bed,zero,on,learn,two,house,tree,dog,bird,happy,wow,marvin,cat,eight,seven,nine,no,up,"
    "visual,yes,forward,down,left,right,off,four,three,six,stop,one,sheila,go"
)
_DIGITS = "zero,one,two,three,four,five,six,seven,eight,nine"
_GO_EMOTIONS = (
    "admiration,amusement,anger,annoyance,approval,caring,confusion,curiosity,desire,disappointment,disapproval,"
    "disgust,embarrassment,excitement,fear,gratitude,grief,joy,love,nervousness,optimism,pride,realization,relief,"
    "remorse,sadness,surprise,neutral"
)
_LANGUAGES = "ja,nl,ar,pl,de,it,pt,tr,es,hi,el,ur,bg,en,fr,zh,ru,th,sw,vi"
_CONLL = "O,B-MISC,I-MISC,B-PER,I-PER,B-ORG,I-ORG,B-LOC,I-LOC"
_POS = "ADJ,ADP,ADV,AUX,CCONJ,DET,INTJ,NOUN,NUM,PART,PRON,PROPN,PUNCT,SCONJ,SYM,VERB,X"
_BIOMEDICAL = "O,B-Age,I-Age,B-Sex,B-Disease_disorder,I-Disease_disorder,B-Medication,I-Medication,B-Sign_symptom"
_DOCUMENT = "O,B-HEADER,I-HEADER,B-QUESTION,I-QUESTION,B-ANSWER,I-ANSWER"
_TABLES = "table,table column,table row,table column header,table projected row header,table spanning cell"
_ENTAILMENT = "contradiction,neutral,entailment"

# Task -> the labels by the first pattern found in the id (in lower case); a number stands for so many without names.
_LABELS: dict[str, tuple[tuple[str, str | int], ...]] = {
    "Zero-Shot Classification": (
        (r"deberta-v3.*(?:fever|multi|xnli)|mnli-xnli|tasksource|typeform", "entailment,neutral,contradiction"),
        (r"cross-encoder", "contradiction,entailment,neutral"),
        (r"", _ENTAILMENT),
    ),
    "Text Classification": (
        (r"sst-?2", "NEGATIVE,POSITIVE"),
        (r"go-emotions", _GO_EMOTIONS),
        (r"emotion-english|emotion_text", "anger,disgust,fear,joy,neutral,sadness,surprise"),
        (r"emotion", "sadness,joy,love,anger,fear,surprise"),
        (r"multilingual-uncased-sentiment", "1 star,2 stars,3 stars,4 stars,5 stars"),
        (r"language-detection", _LANGUAGES),
        (r"twitter-roberta-base-sentiment$|generic_dataset", 3),
        (r"twitter-(?:xlm-)?roberta", "negative,neutral,positive"),
        (r"finbert-tone", "Neutral,Positive,Negative"),
        (r"finbert", "positive,negative,neutral"),
        (r"german-sentiment", "positive,negative,neutral"),
        (r"bertweet|beto", "NEG,NEU,POS"),
        (r"toxic", "non-toxic,toxic"),
        (r"nsfw", "SFW,NSFW"),
        (r"gibberish", "clean,mild gibberish,noise,word salad"),
        (r"openai-detector", "Fake,Real"),
        (r"stocktwits", "Negative,Positive"),
        (r"siebert", "NEGATIVE,POSITIVE"),
        (r"ms-marco", 1),
        (r"mnli|xnli|nli", _ENTAILMENT),
        (r"", 2),
    ),
    "Token Classification": (
        (r"biomedical", _BIOMEDICAL),
        (r"deidentifier", "O,DATE,HCW,HOSPITAL,ID,PATIENT,PHONE,VENDOR"),
        (r"chinese-ws", "B,I"),
        (r"pos", _POS),
        (r"punct", "0,.,,,?,-,:"),
        (r"camembert-ner|roberta-large-ner", "O,PER,LOC,MISC,ORG"),
        (r"instafood", "O,B-FOOD,I-FOOD"),
        (r"overflow", "O,B-Function,I-Function,B-Class,I-Class,B-Library,I-Library"),
        (r"name_all", "Name,OOV"),
        (r"company_all", "Company,OOV"),
        (r"", _CONLL),
    ),
    "Document Question Answer": ((r"eurocorp", _DOCUMENT), (r"", 2)),
    "Image Classification": (
        (r"age-classifier", "0-2,3-9,10-19,20-29,30-39,40-49,50-59,60-69,more than 70"),
        (r"diabetic", "0,1,2,3,4"),
        (r"dog-vs-food", "dog,food"),
        (r"hotdog", "hot dog,not hot dog"),
        (r"beans", "angular_leaf_spot,bean_rust,healthy"),
        (r"anime-ai", "ai,human"),
        (r"tiny-vit-random|in21k$", 2),
        (r"", "imagenet"),
    ),
    "Object Detection": (
        (r"table-transformer-detection", "table,table rotated"),
        (r"doc-table", "table"),
        (r"table", _TABLES),
        (r"", _COCO),
    ),
    "Image Segmentation": (
        (r"cityscapes", _CITYSCAPES),
        (r"clothes", _CLOTHES),
        (r"detr", f"{_COCO},{_COCO_PANOPTIC_STUFF}"),
        (r"coco", "coco panoptic"),
        (r"", _ADE),
    ),
    "Video Classification": (
        (r"ssv2", 174),
        (r"k600", 600),
        (r"ucf101-subset", "ApplyEyeMakeup,ApplyLipstick,Archery,BabyCrawling,BalanceBeam,BandMarching,"
         "BaseballPitch,Basketball,BasketballDunk,BenchPress"),
        (r"ucf101", 101),
        (r"rwf|violence", "NonViolence,Violence"),
        (r"", "kinetics"),
    ),
    "Visual Question Answering": ((r"", "answers"),),
    "Audio Classification": (
        (r"superb-(?:.*-)?ks", "yes,no,up,down,left,right,on,off,stop,go,_silence_,_unknown_"),
        (r"superb-(?:.*-)?er|superb_er", "neu,hap,ang,sad"),
        (r"superb-(?:.*-)?sid", 1251),
        (r"0-9up", f"{_DIGITS},up,down,left,right,on"),
        (r"speech-commands", _COMMANDS),
        (r"audioset", 527),
        (r"lang-id", 102),
        (r"emotion|mesd|sentiment", "angry,calm,disgust,fearful,happy,neutral,sad,surprised"),
        (r"", 2),
    ),
}  # fmt: skip


def labels_of(task: str, name: str) -> list[str] | None:
    """The labels of a repository's model in their order; None where it classifies nothing, or as the library's default.

    Args:
        task: as `architectures.task_of` gives it.
        name: the repository's id.
    """
    if re.search(r"mnli|xnli|-nli|nli-|anli", name.lower()) and task not in ("Zero-Shot Image Classification",):
        task = "Zero-Shot Classification"
    for pattern, labels in _LABELS.get(task.replace("Answering", "Answer") if "Document" in task else task, ()):
        if re.search(pattern, name.lower()):
            return _expand(labels)
    return None


def _expand(labels: str | int) -> list[str]:
    if isinstance(labels, int):
        return [f"LABEL_{number}" for number in range(labels)]
    if labels == "imagenet":
        return _LISTS.joinpath("imagenet.txt").read_text(encoding="utf-8").splitlines()
    if labels == "kinetics":
        return _LISTS.joinpath("kinetics.txt").read_text(encoding="utf-8").splitlines()
    if labels == "answers":
        return ["yes", "no", *map(str, range(20)), *(f"answer {number}" for number in range(22, 3129))]
    if labels == "coco panoptic":
        return [name for name in _COCO.split(",") if name != "N/A"] + _COCO_PANOPTIC_STUFF.split(",")
    if labels.startswith("0,."):
        return ["0", ".", ",", "?", "-", ":"]
    return labels.split(",")
