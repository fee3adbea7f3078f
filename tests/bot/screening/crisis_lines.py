"""Sentences, written for these tests, of people in danger, and of people who only sound like it."""

IN_DANGER = """
I want to die
i just wanna die
I don't want to live anymore
i dont want to be alive
I want to kill myself
i'm going to kill myself tonight
I've been thinking about killing myself
I can't stop thinking about suicide
sometimes I think about ending my life
I think I'm going to end it all
I'm suicidal
i feel really suicidal right now
I wish I was dead
i wish i was never born
I wish I could fall asleep and never wake up
I don't want to wake up tomorrow
everyone would be better off without me
my family would be better off if I was dead
the world would be better without me
nobody would care if I died
no one would even notice if i was gone
would anyone miss me if I died?
I have no reason to live
there's nothing left to live for
I'm so tired of living
i hate being alive
I can't go on like this anymore
i cant take life anymore
I tried to kill myself last year and I want to try again
I took a whole bottle of pills
i swallowed all my sleeping pills
how many pills would it take to kill me
what's the most painless way to die
I want to slit my wrists
I'm standing on the bridge and about to jump
I want to jump in front of a train
I have a gun to my head
this is my last message, goodbye everyone
I wrote my suicide note
i have a plan to end my life
I deserve to die
I should just die
please let me die
kms, i mean it this time
I cut myself again last night
i've been cutting myself for months
I keep hurting myself and can't stop
I relapsed and started cutting my arms again
I want to hurt myself so badly
I feel like hurting myself
I started self harming again
the urge to cut myself is so strong
I'm going to hang myself
I want to unalive myself
I don't see a reason to keep living... I want to die
not gonna lie, I want to kill myself
I want the pain to stop, I can't do it anymore, I want to end it all
I can’t do this, I want to die
My dad hits me when he's drunk
my stepdad touches me at night
my boyfriend beats me and I don't know what to do
my husband choked me last night
He hits me every day
I'm being abused at home
i was raped last week
my uncle raped me
my mom keeps hitting me and my sister
I'm scared to go home because he will hurt me
I don't feel safe at home
he said he will kill me if I leave
he threatened to kill me
my partner won't let me leave the house
I'm afraid of my dad
My best friend wants to kill herself, what do I do
my brother is suicidal
my sister tried to kill herself yesterday
i w4nt to d1e
i want to k1ll mys3lf
I wаnt tо diе
w a n t i n g to kill myself
i want to commit suicide
I'm thinking of overdosing
quiero morir
je veux mourir
Ich will nicht mehr leben
хочу умереть
"""

NOT_IN_DANGER = """
I'm dying of laughter
I'm dying laughing right now
this game is killing me
you killed it on stage
kill it with fire
I'm dead lol
im dead 💀
that joke killed me
my feet are killing me
I nearly died of embarrassment
I died three times on that level
I keep dying to the same boss
I don't want to die in this game again
how do I not die to Malenia
I want to die my hair purple
I want to dye my hair
we want to kill the dragon before the raid ends
I killed myself with my own grenade in that match
I accidentally killed myself in Minecraft
I cut myself shaving
I cut myself while cooking, nothing serious
I cut myself some slack today
I hurt myself playing football
I burned myself on the stove
I hurt myself at the gym
Suicide Squad was a fun movie
the suicide rate in the country fell last year
what is the number of the suicide prevention line?
we had a talk on suicide prevention at school
he committed suicide in 1994
Romeo and Juliet kill themselves at the end
the suicide doors on that car look great
a suicide bomber is on the news
I'm dying to see the new season
to die for, that cake
this cake is to die for
I'd kill for a coffee
I could kill for a pizza
mom will kill me if I fail this test
my mom is going to kill me when she sees this mess
my dad is going to kill me lol
my brother beat me at chess
my dad always beats me in Mario Kart
my sister hit me up for a ride
my boyfriend beats me at every game we play
my little brother kicks my ass at smash
he beats me every time we play chess
I would never hurt myself
I don't want to kill myself
I'm not suicidal
I never wanted to die
please don't kill yourself, we love you
he wants to live forever
I want to live in Spain
I don't want to live with my roommates anymore, I'm moving out
I don't want to live in this city anymore
I'm tired of living in a small town
I hate living alone
I'm so done with this homework
I can't do this anymore, this boss is too hard
I can't take this lag anymore
life is hard but worth it
life is worth living
my life is great
goodbye everyone, see you tomorrow
I won't be here tomorrow, I have the dentist
the ending of that book made me want to read it again
end it all with a big party
let's end this match
I took two pills for my headache
I took all the pills out of the box to count them
jump off the bridge into the water in the game, there's a chest
the knife is on the table
I'm scared of spiders
I'm afraid of the dark
I'm scared to go on stage
I feel sad today
I'm lonely
I failed my exam and feel terrible
I hate my job
nobody likes my memes
everyone would be happier with pizza
the phone died
my battery is about to die
my plants keep dying
the villain wants to kill himself in the last chapter
the song is called I want to die
I drove 20 kms today
it's 5 kms from here
how many kms per hour is that
I got destroyed in ranked
we got abused by that team in the tournament
he hits me with a new meme every day
the dog hits me with its tail
deadline is killing me
this weather makes me lazy
I'm starving, what's for dinner
I could sleep forever
wake me up when September ends
I want to disappear into my blanket today
my head is killing me
don't die on me, little phone
the killer in the movie hangs himself
Kurt Cobain died in 1994
that test murdered me
I should die my shirt blue
what happens when we die
do fish feel it when they die
Game night is on Friday at 8
"""


def lines(block: str) -> list[str]:
    """The sentences of a block."""
    return [line for line in block.strip().splitlines() if line]
